import assert from "node:assert/strict";
import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import protobuf from "onnx-proto";
import type { Manifest } from "../../../../src/config/manifest.ts";
import { LatentloopError } from "../../../../src/core/errors.ts";
import { PARITY_FILE } from "../../../../src/learning/bundle/parity-file.ts";
import type { EpisodeStore } from "../../../../src/learning/episodes/episode-store.ts";
import type { Judgement } from "../../../../src/learning/gates/judge.ts";
import { judgeSample, noiseEpisodes, writeCandidate } from "../../../support/candidates.ts";
import { encodeModel } from "../../../support/onnx-model.ts";
import { sampleModel, sha256, writeSampleBundle } from "../../../support/sample-bundle.ts";

let live = "";
const cleanUps: (() => Promise<void>)[] = [];
before(async () => {
  live = await writeCandidate({ after: (hook) => cleanUps.push(hook) });
});
after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

const failed = ({ verdicts }: Judgement) => verdicts.filter(({ passed }) => passed === false).map(({ gate }) => gate);
const asked = ({ verdicts }: Judgement) => verdicts.map(({ gate }) => gate);

test("a candidate that is the live model passes every gate, with a figure from each", async () => {
  const judgement = await judgeSample(live, live);
  assert.deepEqual(failed(judgement), []);
  assert.equal(judgement.passed, true);
  for (const { gate, figure, limit } of judgement.verdicts) {
    assert.ok(figure !== null && limit !== null && figure <= limit, `${gate}: ${figure} of ${limit}`);
  }
});

test("a first candidate passes without comparisons", async () => {
  const { passed, verdicts } = await judgeSample(live, undefined);
  assert.equal(passed, true);
  const silent = verdicts.filter((verdict) => verdict.passed === null).map(({ gate }) => gate);
  assert.deepEqual(silent, ["one-step", "k-step", "reward", "action-change"]);
});

const foreign: readonly [part: string, change: (manifest: Manifest) => void, named: RegExp][] = [
  [
    "another camera calibration",
    ({ observation }) => {
      observation.cameras[0]!.calibrationSha256 = "0".repeat(64);
    },
    /calibration/,
  ],
  [
    "another robot's joints",
    ({ action }) => {
      action.dimensions[0] = { ...action.dimensions[0]!, name: "elbow" };
    },
    /actions/,
  ],
  [
    "other action bounds",
    ({ action }) => {
      action.dimensions[1] = { ...action.dimensions[1]!, high: 2 };
    },
    /actions/,
  ],
  [
    "another normalisation",
    ({ observation }) => {
      observation.proprioception[2] = { ...observation.proprioception[2]!, scale: 2 };
    },
    /normalisation/,
  ],
  [
    "another rate",
    (manifest) => {
      manifest.policyRateHz = 20;
    },
    /policy rate/,
  ],
];
for (const [part, change, named] of foreign) {
  test(`a candidate with ${part} fails the contract, and no gate behind it is asked`, async (t) => {
    const judgement = await judgeSample(await writeCandidate(t, { change }), live);
    assert.deepEqual(asked(judgement), ["contract"]);
    assert.match(judgement.verdicts[0]!.note, named);
    assert.equal(judgement.passed, false);
  });
}

test("one NaN among the weights is found, named and ends the trial", async (t) => {
  const plan = sampleModel("plan");
  const data = Float32Array.from(plan.constants!.w!.data);
  data[5] = Number.NaN;
  const models = { plan: { ...plan, constants: { w: { shape: [6, 2], data } } } };
  const judgement = await judgeSample(await writeCandidate(t, { models }), live);
  assert.deepEqual(asked(judgement), ["contract", "finite-weights"]);
  const verdict = judgement.verdicts.at(-1)!;
  assert.equal(verdict.figure, 1);
  assert.match(verdict.note, /w of plan/);
});

const spoilt: readonly [what: string, spoil: (folder: string) => Promise<unknown>, gate: string][] = [
  ["without a manifest", (folder) => rm(join(folder, "manifest.json")), "bundle"],
  ["with a manifest that was cut off", (folder) => truncate(join(folder, "manifest.json"), 200), "bundle"],
  ["with a graph that was cut off", (folder) => truncate(join(folder, "plan.onnx"), 100), "bundle"],
  ["without the trainer's sample", (folder) => rm(join(folder, PARITY_FILE)), "parity"],
  ["with a sample that was cut off", (folder) => truncate(join(folder, PARITY_FILE), 400), "parity"],
  ["with a sample that is no sample", (folder) => writeFile(join(folder, PARITY_FILE), "{}"), "parity"],
];
for (const [what, spoil, gate] of spoilt) {
  test(`a bundle ${what} is refused by ${gate} with a reason`, async (t) => {
    const folder = await writeCandidate(t);
    await spoil(folder);
    const judgement = await judgeSample(folder, live);
    assert.equal(judgement.passed, false);
    assert.deepEqual(failed(judgement), [gate]);
    assert.ok(judgement.verdicts.at(-1)!.note.length > 10);
  });
}

/** Puts other bytes in a graph's place, with their hash in the manifest. */
async function replaceGraph(folder: string, graph: "plan", bytes: Uint8Array): Promise<void> {
  const file = join(folder, "manifest.json");
  const manifest: Manifest = JSON.parse(await readFile(file, "utf8"));
  manifest.graphs[graph]!.sha256 = sha256(bytes);
  await writeFile(join(folder, `${graph}.onnx`), bytes);
  await writeFile(file, JSON.stringify(manifest));
}

/** The same file, but for the last byte of its first weights. */
function cutWeights(bytes: Uint8Array): Uint8Array {
  const model = protobuf.onnx.ModelProto.decode(bytes);
  const [first] = model.graph!.initializer!;
  first!.rawData = first!.rawData!.slice(0, -1);
  return protobuf.onnx.ModelProto.encode(model).finish();
}

const plan = sampleModel("plan");
const gathersBeyond = [
  { type: "Add", inputs: ["in_flight_fraction", "far"], output: "place" },
  { type: "Cast", inputs: ["place"], output: "row", attributes: { to: 7 } },
  { type: "Gather", inputs: ["latent", "row"], output: "picked" },
  { type: "Reshape", inputs: ["picked", "shape"], output: "known" },
  { type: "MatMul", inputs: ["known", "w"], output: "drive" },
];
const broken: readonly [what: string, bytes: Uint8Array, gate: string][] = [
  ["that is no ONNX file", Buffer.from("no ONNX file"), "finite-weights"],
  ["whose weights lack a byte", cutWeights(encodeModel(plan)), "finite-weights"],
  [
    "that fails while it runs",
    encodeModel({
      ...plan,
      operations: plan.operations.flatMap((each) => (each.output === "drive" ? gathersBeyond : [each])),
      constants: { ...plan.constants, far: { shape: [1], data: [100] } },
      int64Constants: { shape: [1, 6] },
    }),
    "parity",
  ],
  [
    "with another input size than the manifest's",
    encodeModel({
      ...plan,
      inputs: plan.inputs.map((spec) => (spec.name === "noise" ? { ...spec, shape: [1, 2] } : spec)),
    }),
    "parity",
  ],
  ["with an open input size", encodeModel({ ...plan, openExtents: [4] }), "parity"],
];
for (const [what, bytes, gate] of broken) {
  test(`a candidate with a graph ${what} is refused by ${gate} with a reason`, async (t) => {
    const folder = await writeCandidate(t);
    await replaceGraph(folder, "plan", bytes);
    const judgement = await judgeSample(folder, live);
    assert.deepEqual(failed(judgement), [gate]);
    assert.ok(judgement.verdicts.at(-1)!.note.length > 10);
  });
}

test("graphs that compute something else than the trainer did fail parity, by the output's name", async (t) => {
  const own = await writeCandidate(t);
  const act = sampleModel("act");
  const changed = { act: { ...act, constants: { w: { shape: [6, 2], data: new Float32Array(12).fill(0.31) } } } };
  const other = await writeSampleBundle(t, { models: changed });
  await writeFile(join(other, PARITY_FILE), await readFile(join(own, PARITY_FILE)));
  const judgement = await judgeSample(other, live);
  assert.deepEqual(failed(judgement), ["parity"]);
  assert.match(judgement.verdicts.at(-1)!.note, /act\.action/);
});

test("an embedding that is NaN fails parity, whatever the graphs behind it give", async (t) => {
  const encode = sampleModel("encode");
  const operations = [
    ...encode.operations.slice(0, -1),
    { type: "Sub", inputs: ["mixed", "mixed"], output: "nothing" },
    { type: "Div", inputs: ["nothing", "nothing"], output: "embedding" },
  ];
  const judgement = await judgeSample(await writeCandidate(t, { models: { encode: { ...encode, operations } } }), live);
  assert.deepEqual(failed(judgement), ["parity"]);
  assert.match(judgement.verdicts.at(-1)!.note, /encode\.embedding/);
});

test("a model that foretells rewards and latents worse than the live one fails those gates and the others are asked", async (t) => {
  const imagine = sampleModel("imagine");
  const { w } = imagine.constants!;
  const wild = { shape: w!.shape, data: Float32Array.from(w!.data, (weight) => 30 * weight) };
  const models = {
    imagine: {
      ...imagine,
      operations: [
        ...imagine.operations.slice(0, 2),
        { type: "ReduceSum", inputs: ["latents"], output: "sum" },
        {
          type: "Mul",
          inputs: ["sum", "far"],
          output: "far_rewards",
        },
        { type: "Expand", inputs: ["far_rewards", "shape"], output: "spread" },
        {
          type: "Reshape",
          inputs: ["spread", "shape"],
          output: "rewards",
        },
      ],
      constants: { w: wild, far: { shape: [1], data: [100] } },
      int64Constants: { shape: [5, 3] },
    },
  };
  const judgement = await judgeSample(await writeCandidate(t, { models }), live);
  assert.deepEqual(failed(judgement), ["one-step", "k-step", "reward"]);
  assert.equal(asked(judgement).at(-1), "action-change");
});

test("a candidate whose latents are the same at every frame fails one-step and k-step, though it foretells them exactly", async (t) => {
  const observe = sampleModel("observe");
  const imagine = sampleModel("imagine");
  const models = {
    observe: {
      ...observe,
      operations: observe.operations.flatMap((operation) =>
        operation.output === "latent_out"
          ? [
              { type: "Add", inputs: ["mixed", "bias"], output: "shifted" },
              { type: "Tanh", inputs: ["shifted"], output: "latent_out" },
            ]
          : [operation],
      ),
      constants: {
        ...observe.constants,
        w: { shape: [12, 6], data: new Float32Array(72) },
        bias: { shape: [6], data: [0.1, -0.7, 1.3, 0.33, -2.1, 0.01] },
      },
    },
    imagine: { ...imagine, constants: { w: { shape: [2, 6], data: new Float32Array(12) } } },
  };
  const judgement = await judgeSample(await writeCandidate(t, { models }), live);
  const gates = failed(judgement);
  assert.ok(gates.includes("one-step") && gates.includes("k-step"), gates.join(", "));
  const alone = await judgeSample(await writeCandidate(t, { models }), undefined);
  assert.deepEqual(failed(alone), ["one-step", "k-step"]);
  assert.match(alone.verdicts.find(({ gate }) => gate === "one-step")!.note, /the same at every held-out frame/);
});

test("a candidate that imagines fewer steps than the live model is compared over those, from the same moments", async (t) => {
  const steps = 2;
  const shorten = (shape: readonly number[]) => shape.map((extent, axis) => (axis === 1 ? steps : extent));
  const { inputs, outputs, ...imagine } = sampleModel("imagine");
  const shorter = (spec: (typeof inputs)[number]) =>
    spec.name === "latent" ? spec : { ...spec, shape: shorten(spec.shape) };
  const signature = { inputs: inputs.map(shorter), outputs: outputs.map(shorter) };
  const folder = await writeCandidate(t, {
    models: { imagine: { ...imagine, ...signature } },
    change: ({ graphs }) => Object.assign(graphs.imagine!, signature),
  });
  const { verdicts } = await judgeSample(folder, live);
  for (const name of ["one-step", "k-step", "reward"]) {
    const { figure, limit } = verdicts.find(({ gate }) => gate === name)!;
    assert.ok(figure! > 0 && Math.abs(limit! - 1.05 * figure!) < 1e-9, `${name}: ${figure} of ${limit}`);
  }
});

/** Episodes of noise of which the steps from one frame on were scored by nobody. */
function unscoredFrom(frame: number): EpisodeStore {
  const store = noiseEpisodes();
  store.rewards.fill(Number.NaN, frame);
  return store;
}

test("episodes that nobody scored say nothing of rewards, whatever the candidate foretells", async () => {
  const { verdicts, passed } = await judgeSample(live, live, {}, async () => unscoredFrom(0));
  const verdict = verdicts.find(({ gate }) => gate === "reward")!;
  assert.deepEqual([verdict.passed, verdict.figure], [null, null]);
  assert.match(verdict.note, /do not say/);
  assert.equal(passed, true);
});

test("of episodes that were scored in part, the scored steps judge the rewards", async () => {
  const { verdicts } = await judgeSample(live, live, {}, async () => unscoredFrom(5));
  const { passed, figure, limit } = verdicts.find(({ gate }) => gate === "reward")!;
  assert.equal(passed, true);
  assert.ok(figure! > 0 && figure! <= limit!);
});

test("a model that acts quite differently on recorded observations fails the bound on action change", async (t) => {
  const plan = sampleModel("plan");
  const models = {
    plan: {
      ...plan,
      operations: plan.operations.map((operation) =>
        operation.output === "actions" ? { ...operation, type: "Cos" } : operation,
      ),
    },
  };
  const judgement = await judgeSample(await writeCandidate(t, { models }), live);
  assert.deepEqual(failed(judgement), ["action-change"]);
});

test("a gate that is switched off is not asked and the judgement says so", async (t) => {
  const folder = await writeCandidate(t);
  await rm(join(folder, PARITY_FILE));
  const { passed, verdicts } = await judgeSample(folder, live, { parity: { enabled: false } });
  assert.equal(passed, true);
  assert.deepEqual(
    verdicts.find(({ gate }) => gate === "parity"),
    { gate: "parity", passed: null, figure: null, limit: null, unit: "", note: "switched off" },
  );
});

test("episodes are asked for once, behind the latency gate, and not at all where no gate looks at them", async () => {
  const order: string[] = [];
  const heldOut = async () => {
    order.push("episodes");
    return noiseEpisodes();
  };
  await judgeSample(live, live, {}, heldOut, ({ gate }) => order.push(gate));
  assert.deepEqual(order.slice(3), ["latency", "episodes", "one-step", "k-step", "reward", "action-change"]);
  order.length = 0;
  const off = { enabled: false };
  await judgeSample(live, live, { "one-step": off, "k-step": off, reward: off, "action-change": off }, heldOut);
  assert.deepEqual(order, []);
});

test("when there are no episodes to judge by, nothing is said about the candidate", async () => {
  const noEpisodes = () => Promise.reject(new LatentloopError("ERR_BAG_UNREADABLE", "Expected bags."));
  await assert.rejects(judgeSample(live, live, {}, noEpisodes), { code: "ERR_BAG_UNREADABLE" });
});
