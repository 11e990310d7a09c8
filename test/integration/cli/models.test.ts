import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { sampleModel, writeSampleBundle } from "../../support/sample-bundle.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.js", import.meta.url));

function latentloop(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, stdout, stderr, json: () => JSON.parse(stdout.trim().split("\n").at(-1)!) };
}

test("models inspect says what a model sees, does and where it came from", async (t) => {
  const folder = await writeSampleBundle(t);
  const { status, stdout } = latentloop("models", "inspect", folder);
  assert.equal(status, 0);
  for (const fact of [
    "scene 8×8 rgb",
    "j1 -1 … 1 rad/s",
    "10 Hz",
    "noise[4,2]",
    "image_scene[1,8,8,3]:uint8",
    "reach: success_rate 0",
  ]) {
    assert.ok(stdout.includes(fact), `${fact}\n${stdout}`);
  }
});

test("models inspect --json prints the manifest with the bundle's hash and sizes", async (t) => {
  const folder = await writeSampleBundle(t);
  const result = latentloop("models", "inspect", folder, "--json").json();
  assert.equal(result.policyRateHz, 10);
  assert.match(result.modelHash, /^[0-9a-f]{16}$/);
  assert.equal(result.graphBytes.length, 6);
  assert.ok(result.graphBytes.every((bytes: number) => bytes > 100));
});

test("models verify runs every graph of a good bundle and gives its latency", async (t) => {
  const { status, stderr, json } = latentloop(
    "models",
    "verify",
    await writeSampleBundle(t),
    "--json",
    "--threads",
    "1",
  );
  assert.equal(status, 0, stderr);
  const { ok, graphs, periodShare } = json();
  assert.equal(ok, true);
  assert.deepEqual(
    graphs.map(({ graph }: { graph: string }) => graph),
    ["encode", "observe", "plan", "act", "imagine", "decode"],
  );
  for (const { runs, p50Ms, p99Ms } of graphs) assert.ok(runs >= 2 && p50Ms > 0 && p99Ms >= p50Ms);
  assert.ok(periodShare > 0);
});

const NAN = { type: "Sqrt", inputs: ["sum"], output: "action" }; // of negative sums
const [drive, sum] = sampleModel("act").operations;

const broken: readonly [rule: string, spoil: (folder: string) => Promise<void>, models: object, code: string][] = [
  ["a wrong hash", async (folder) => writeFile(join(folder, "act.onnx"), "x"), {}, "ERR_BUNDLE_HASH"],
  [
    "a manifest field of another type",
    async (folder) => {
      const file = join(folder, "manifest.json");
      await writeFile(file, (await readFile(file, "utf8")).replace('"policyRateHz": 10', '"policyRateHz": "10"'));
    },
    {},
    "ERR_INVALID_VALUE",
  ],
  [
    "an output that is not finite",
    async () => {},
    { act: { ...sampleModel("act"), operations: [drive, sum, NAN] } },
    "ERR_GRAPH_OUTPUT",
  ],
  [
    "an action beyond its bounds",
    async () => {},
    { act: { ...sampleModel("act"), operations: [drive, { ...sum, output: "action" }] } },
    "ERR_GRAPH_OUTPUT",
  ],
  ["another graph in the file", async () => {}, { act: sampleModel("plan") }, "ERR_GRAPH_MISMATCH"],
];
for (const [rule, spoil, models, code] of broken) {
  test(`models verify refuses ${rule} with ${code} and exit status 1`, async (t) => {
    const folder = await writeSampleBundle(t, { models });
    await spoil(folder);
    const { status, stderr } = latentloop("models", "verify", folder, "--threads", "1");
    assert.equal(status, 1);
    assert.ok(stderr.includes(`[${code}]`), stderr);
  });
}

test("an unknown provider is wrong use that names the known ones", async (t) => {
  const { status, stderr } = latentloop("models", "verify", await writeSampleBundle(t), "--provider", "gpu");
  assert.equal(status, 1);
  assert.match(stderr, /"auto", "cuda", "webgpu", "cpu" for 'provider' in the command line but received "gpu"/);
});

const KEYPOINT = fileURLToPath(new URL("../../../../models/reach-keypoint", import.meta.url));

test("models compare plays the same episodes with every bundle, beside random actions", () => {
  const { status, stderr, json } = latentloop(
    ...["models", "compare", KEYPOINT, KEYPOINT, "--task", "reach", "--episodes", "1", "--json"],
  );
  assert.equal(status, 0, stderr);
  const { models, random } = json();
  const [first, second] = models;
  assert.equal(first.meanReturn, second.meanReturn);
  assert.ok(first.meanReturn > random.meanReturn);
  assert.ok(first.planMs.p50 > 0 && first.bytes > 100_000);
  assert.equal(first.algorithm, "keypoint");
});

test("models compare refuses a model of another task", () => {
  const { status, stderr } = latentloop("models", "compare", KEYPOINT, "--task", "arm-reach");
  assert.equal(status, 1);
  assert.match(stderr, /Expected a model of 5 action dimensions for arm-reach but .*reach-keypoint has 2/);
});

test("models surprise --write puts its thresholds, and the command that found them, into the manifest", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-surprise-"));
  t.after(() => rm(folder, { recursive: true }));
  const bundle = join(folder, "bundle");
  await cp(KEYPOINT, bundle, { recursive: true });
  const before = latentloop("models", "inspect", bundle, "--json").json();
  const { status, stderr, json } = latentloop(
    ...["models", "surprise", bundle, "--task", "reach", "--episodes", "4", "--write", "--json"],
  );
  assert.equal(status, 0, stderr);
  const { slow, scene, own, faults } = json();
  const after = latentloop("models", "inspect", bundle, "--json").json();
  assert.equal(after.surpriseWarn, Math.min(slow, own.stop / 2));
  assert.deepEqual([after.scene, after.surpriseLimit], [scene, before.surpriseLimit]);
  assert.notEqual(after.modelHash, before.modelHash);
  assert.match(after.training.command, /^latentloop train .* && latentloop models surprise .* --write$/);
  assert.equal(after.training.command.split("&&").length, 2, "the last calibration counts");
  const black = faults.find(({ fault }: { fault: string }) => fault === "black");
  assert.equal(black.noticed, 1);
  assert.ok(!faults.some(({ fault }: { fault: string }) => fault === "pushed"), "there is no object to push");
});
