import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { readWeights } from "../../../src/inference/bundle-weights.ts";
import { readBundle } from "../../../src/inference/read-bundle.ts";
import { EpisodeStore } from "../../../src/learning/episodes/episode-store.ts";
import { exportCandidate, provenanceOf } from "../../../src/learning/fine-tune/export-candidate.ts";
import type { FineTuneOptions, FineTuner } from "../../../src/learning/fine-tune/fine-tuner.ts";
import { openFineTuner } from "../../../src/learning/fine-tune/open-fine-tuner.ts";
import { type FineTuneSettings, fineTuneSettings } from "../../../src/learning/fine-tune/settings.ts";
import { gatesSchema } from "../../../src/learning/gates/index.ts";
import { judge } from "../../../src/learning/gates/judge.ts";
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from "../../../src/learning/optimization/checkpoint.ts";
import type { Weights } from "../../../src/learning/optimization/step-runner.ts";
import { randomEpisodes, trainDotBundle } from "../../support/dot-bundle.ts";
import { DotWorld } from "../../support/dot-world.ts";
import { MovedDotWorld } from "../../support/moved-dot-world.ts";
import { writeSampleBundle } from "../../support/sample-bundle.ts";

const folder = await mkdtemp(join(tmpdir(), "latentloop-fine-tune-"));
after(() => rm(folder, { recursive: true }));

const bundle = await trainDotBundle(folder);
const fresh = await randomEpisodes(new MovedDotWorld(), 40, 100);
const heldOut = await randomEpisodes(new MovedDotWorld(), 12, 900);
const old = await randomEpisodes(new DotWorld(), 40, 500);

function open(settings: Partial<FineTuneSettings> = {}, options: Partial<FineTuneOptions> = {}): Promise<FineTuner> {
  return openFineTuner({
    bundle,
    fresh,
    old,
    heldOut,
    settings: parseStrict(fineTuneSettings, { updates: 240, freeze: [], ...settings }, "the test"),
    seed: 1,
    clock: systemClock(),
    ...options,
  });
}

async function finish(tuner: FineTuner): Promise<{ weights: Weights; errors: number[] }> {
  const errors: number[] = [];
  while (!tuner.finished) {
    const { figures } = await tuner.advance();
    if (figures.validationError !== undefined) errors.push(figures.validationError);
  }
  const weights = await tuner.weights();
  await tuner.close();
  return { weights, errors };
}

const whole = await finish(await open());

/** Root of the squared distance from the bundle's weights, over the parameters below a scope. */
function distance(weights: Weights, scope = ""): number {
  const before = readWeights(bundle);
  let squares = 0;
  for (const [name, values] of weights) {
    if (!name.startsWith(scope)) continue;
    for (const [i, value] of values.entries()) squares += (value - before.get(name)![i]!) ** 2;
  }
  return Math.sqrt(squares);
}

test("a bundle's graphs hold every weight that it was trained to", () => {
  assert.deepEqual([...readWeights(bundle).keys()].sort(), [...whole.weights.keys()].sort());
});

test("the reward error on held-out episodes of the changed world falls by a quarter", async () => {
  const { errors } = await finish(await open({ updates: 600, oldShare: 0, freeze: ["dynamics", "decoder"] }));
  const [first, last] = [errors[0]!, errors.at(-1)!];
  assert.ok(last < 0.75 * first, `from ${first} to ${last}`);
});

test("the same seed gives the same weights, another seed others", async () => {
  assert.deepEqual((await finish(await open())).weights, whole.weights);
  assert.notDeepEqual((await finish(await open({}, { seed: 2 }))).weights, whole.weights);
});

for (const slices of [1, 3, 5]) {
  test(`a run that is killed after slice ${slices} goes on to the same weights`, async () => {
    const path = join(folder, `stopped-${slices}.safetensors`);
    const stopped = await open();
    for (let i = 0; i < slices; i++) await stopped.advance();
    await saveCheckpoint(path, await stopped.snapshot());
    await stopped.close();
    assert.deepEqual((await finish(await open({}, { resume: await loadCheckpoint(path) }))).weights, whole.weights);
  });
}

for (const [part, scope] of [
  ["encoder", "encoder/"],
  ["dynamics", "dynamics/"],
  ["heads", "reward/"],
  ["decoder", "decoder/"],
] as const) {
  test(`a frozen ${part} stays exactly as it was, and the rest learns`, async () => {
    const { weights } = await finish(await open({ updates: 60, freeze: [part] }));
    assert.equal(distance(weights, scope), 0);
    assert.ok(distance(weights) > 0);
  });
}

test("an anchor keeps the weights nearer to where they were", async () => {
  const free = await finish(await open({ updates: 120 }));
  const held = await finish(await open({ updates: 120, anchor: 1 }));
  assert.ok(distance(held.weights) < distance(free.weights) / 2);
});

test("old episodes in the batches change what is learned, and none are needed", async () => {
  const { old: _, ...alone } = { old };
  const without = await openFineTuner({
    bundle,
    fresh,
    settings: parseStrict(fineTuneSettings, { updates: 60, freeze: [] }, "the test"),
    seed: 1,
    clock: systemClock(),
    ...alone,
  });
  assert.notDeepEqual((await finish(without)).weights, (await finish(await open({ updates: 60 }))).weights);
});

test("a candidate says where it comes from, can be tuned again, and passes the gates where it is better", async () => {
  const tuner = await open();
  while (!tuner.finished) await tuner.advance();
  const target = join(folder, "candidate");
  await exportCandidate(target, {
    tuner,
    parent: bundle,
    recorded: { trained: fresh, heldOut },
    data: [provenanceOf("runs", fresh)],
    command: "a test",
    seed: 1,
  });
  await tuner.close();
  const candidate = await readBundle(target);
  assert.deepEqual(candidate.manifest.training.parent, { name: "dot-keypoint", hash: bundle.modelHash });
  assert.deepEqual(readWeights(candidate), whole.weights);
  assert.ok(candidate.manifest.surpriseWarn! < candidate.manifest.surpriseLimit!);
  await (await open({ updates: 10 }, { bundle: candidate })).close();
  const { verdicts } = await judge(target, {
    live: bundle,
    heldOut: async () => heldOut,
    settings: parseStrict(gatesSchema, { latency: { maxPeriodShare: 1e6 } }, "the test"),
    clock: systemClock(),
    inference: { provider: "cpu", threads: 1, niceness: 0 },
  });
  const passed = verdicts.filter(({ passed }) => passed).map(({ gate }) => gate);
  for (const gate of ["contract", "finite-weights", "parity", "reward"]) assert.ok(passed.includes(gate), gate);
});

const mismatches: readonly [what: string, change: (resume: Checkpoint) => Promise<FineTuner>][] = [
  ["another seed", (resume) => open({}, { resume, seed: 9 })],
  ["other settings", (resume) => open({ anchor: 1 }, { resume })],
  ["other episodes", (resume) => open({}, { resume, fresh: old })],
];
for (const [what, change] of mismatches) {
  test(`a run is not gone on with by ${what}`, async () => {
    const tuner = await open();
    await tuner.advance();
    const resume = await tuner.snapshot();
    await tuner.close();
    await assert.rejects(change(resume), { code: "ERR_CHECKPOINT_MISMATCH" });
  });
}

test("a bundle of a system that does not fine-tune is refused by its name", async (t) => {
  const other = await readBundle(await writeSampleBundle(t));
  await assert.rejects(open({}, { bundle: other }), {
    code: "ERR_NOT_TRAINABLE",
    message: /td-mpc2|tiny|which cannot/,
  });
});

test("without episodes there is nothing to learn from", async () => {
  await assert.rejects(open({}, { fresh: new EpisodeStore(fresh.sizes, 0) }), { code: "ERR_REPLAY_EMPTY" });
});

test("a run that may change nothing is refused", async () => {
  const freeze = ["encoder", "dynamics", "heads", "decoder"] as const;
  await assert.rejects(open({ freeze: [...freeze] }), { code: "ERR_INVALID_ARGUMENT", message: /frozen/ });
});
