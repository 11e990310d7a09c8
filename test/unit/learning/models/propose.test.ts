import assert from "node:assert/strict";
import { chmod, cp, mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseStrict } from "../../../../src/config/parse-strict.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { readManifest } from "../../../../src/inference/read-bundle.ts";
import { gatesSchema } from "../../../../src/learning/gates/index.ts";
import { ModelsFolder } from "../../../../src/learning/models/models-folder.ts";
import { propose } from "../../../../src/learning/models/propose.ts";
import { noiseEpisodes, writeCandidate } from "../../../support/candidates.ts";
import { sampleModel } from "../../../support/sample-bundle.ts";

const SETTINGS = { latency: { maxPeriodShare: 1e6 } };

/** A models folder with a live model, and a way to propose a bundle to it. */
async function liveFolder(t: TestContext) {
  const path = await mkdtemp(join(tmpdir(), "latentloop-propose-"));
  t.after(async () => {
    await chmod(path, 0o755);
    await rm(path, { recursive: true });
  });
  const models = new ModelsFolder(path);
  await cp(await writeCandidate(t), models.folderOf("live-one"), { recursive: true });
  const { modelHash: hash } = await readManifest(models.folderOf("live-one"));
  await models.promote({ name: "live-one", hash }, "test", "2026-01-02T03:04:05.678Z");
  const offer = (folder: string) =>
    propose(models, folder, {
      heldOut: async () => noiseEpisodes(),
      settings: parseStrict(gatesSchema, SETTINGS, "the test"),
      clock: systemClock(),
      inference: { provider: "cpu", threads: 1, niceness: 0 },
    });
  const state = async () => ({ live: await models.live(), entries: (await readdir(path)).sort() });
  return { models, offer, state };
}

const plan = sampleModel("plan");
const data = Float32Array.from(plan.constants!.w!.data);
data[3] = Number.NaN;
const nanPlan = { ...plan, constants: { w: { shape: [6, 2], data } } };

const BAD: readonly [what: string, gate: string, make: (t: TestContext) => Promise<string>][] = [
  [
    "for another robot",
    "contract",
    (t) =>
      writeCandidate(t, {
        change(manifest) {
          const [first, second] = manifest.action.dimensions;
          manifest.action.dimensions = [{ ...first!, name: "elbow" }, second!];
        },
      }),
  ],
  [
    "that is half written",
    "bundle",
    async (t) => {
      const folder = await writeCandidate(t);
      await truncate(join(folder, "observe.onnx"), 100);
      return folder;
    },
  ],
  [
    "whose manifest has not come yet",
    "bundle",
    async (t) => {
      const folder = await writeCandidate(t);
      await rm(join(folder, "manifest.json"));
      return folder;
    },
  ],
  ["with a NaN among its weights", "finite-weights", (t) => writeCandidate(t, { models: { plan: nanPlan } })],
];

for (const [what, gate, make] of BAD) {
  test(`a candidate ${what} is refused by ${gate}; the ledger says why, the live model is untouched`, async (t) => {
    const { models, offer, state } = await liveFolder(t);
    const before = await state();
    const { passed, name } = await offer(await make(t));
    assert.deepEqual([passed, name], [false, undefined]);
    assert.deepEqual(await state(), before);
    const last = (await models.ledger()).events.at(-1)!;
    assert.ok(last.event === "judged" && !last.passed);
    const failed = last.verdicts.filter((verdict) => verdict.passed === false);
    assert.deepEqual(
      failed.map((verdict) => verdict.gate),
      [gate],
    );
    assert.ok(failed[0]!.note.length > 10, failed[0]!.note);
  });
}

test("a candidate that passed but cannot be stored is refused, and nothing of it is left", async (t) => {
  const { models, offer, state } = await liveFolder(t);
  const candidate = await writeCandidate(t, {
    change(manifest) {
      manifest.training.seed = 77;
    },
  });
  const { modelHash } = await readManifest(candidate);
  // A file where the copy would go stands for a disk that takes nothing, whoever runs the test.
  const blocked = join(models.path, `sample-${modelHash.slice(0, 8)}`);
  await cp(join(candidate, "plan.onnx"), blocked);
  const before = await state();
  const { passed, verdicts } = await offer(candidate);
  assert.equal(passed, false);
  assert.equal(verdicts.find((verdict) => verdict.passed === false)?.gate, "admission");
  assert.deepEqual(await state(), before);
});
