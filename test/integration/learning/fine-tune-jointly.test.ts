import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { readWeights } from "../../../src/inference/bundle-weights.ts";
import type { Bundle } from "../../../src/inference/read-bundle.ts";
import { dreamerV3Online } from "../../../src/learning/dreamer-v3/system.ts";
import { exportCandidate, provenanceOf } from "../../../src/learning/fine-tune/export-candidate.ts";
import type { FineTuneOptions, FineTuner } from "../../../src/learning/fine-tune/fine-tuner.ts";
import { openFineTuner } from "../../../src/learning/fine-tune/open-fine-tuner.ts";
import { runFineTuning } from "../../../src/learning/fine-tune/run-fine-tuning.ts";
import { type FineTuneSettings, fineTuneSettings } from "../../../src/learning/fine-tune/settings.ts";
import { gatesSchema } from "../../../src/learning/gates/index.ts";
import { judge } from "../../../src/learning/gates/judge.ts";
import type { OnlineSystem } from "../../../src/learning/online/learner.ts";
import { loadCheckpoint, saveCheckpoint } from "../../../src/learning/optimization/checkpoint.ts";
import type { Weights } from "../../../src/learning/optimization/step-runner.ts";
import { planetOnline } from "../../../src/learning/planet/system.ts";
import { tdMpc2Online } from "../../../src/learning/td-mpc2/system.ts";
import { vaeAgentOnline } from "../../../src/learning/vae-agent/system.ts";
import { spacesOf } from "../../../src/learning/world/spaces.ts";
import { randomEpisodes, trainOnlineDotBundle } from "../../support/dot-bundle.ts";
import { recordDotWorld } from "../../support/dot-recording.ts";
import { DotWorld } from "../../support/dot-world.ts";
import { MovedDotWorld } from "../../support/moved-dot-world.ts";
import { slicingClock } from "../../support/slicing-clock.ts";
import { tinyDreamerV3, tinyPlanet, tinyTdMpc2, tinyVaeAgent } from "../../support/tiny-systems.ts";

const folder = await mkdtemp(join(tmpdir(), "latentloop-fine-tune-jointly-"));
after(() => rm(folder, { recursive: true }));

const fresh = await randomEpisodes(new MovedDotWorld(), 30, 100);
const heldOut = await randomEpisodes(new MovedDotWorld(), 8, 900);
const old = await randomEpisodes(new DotWorld(), 30, 500);

const briefly = {
  steps: 240,
  randomSteps: 239,
  firstUpdates: 120,
  updatesPerStep: 1,
  explorationStd: 0,
  evaluateEvery: 1e6,
};
const spaces = spacesOf(new DotWorld());
/** A graph of fewer steps is opened sooner. */
const SHORT = { sequence: { length: 2, batch: 8, ahead: 0 }, decodeEvery: 2 };

interface Case {
  readonly system: OnlineSystem;
  /** Scopes of what the default settings freeze, of what sees, of what foretells, and of what acts. */
  readonly heads: readonly string[];
  readonly encoder: readonly string[];
  readonly dynamics: readonly string[];
  readonly behaviour?: readonly string[];
}

const cases: readonly Case[] = [
  {
    system: vaeAgentOnline(spaces, tinyVaeAgent(briefly)),
    heads: ["reward/"],
    encoder: ["encoder/", "posterior/"],
    dynamics: ["dynamics/", "memory/"],
  },
  {
    system: tdMpc2Online(spaces, tinyTdMpc2({ ...briefly, firstUpdates: 60 })), // with more it knows so few episodes by heart
    heads: ["reward/"],
    behaviour: ["value/", "policy/"],
    encoder: ["encoder/"],
    dynamics: ["dynamics/"],
  },
  {
    system: planetOnline(spaces, { ...tinyPlanet(briefly), ...SHORT }),
    heads: ["reward/"],
    encoder: ["encoder/", "rssm/posterior/"],
    dynamics: ["rssm/core/", "rssm/prior/"],
  },
  {
    system: dreamerV3Online(spaces, { ...tinyDreamerV3(briefly), ...SHORT, imagination: { horizon: 2, starts: 2 } }),
    heads: ["reward/", "continuation/"],
    behaviour: ["actor/", "critic/"],
    encoder: ["encoder/", "rssm/posterior/"],
    dynamics: ["rssm/core/", "rssm/prior/"],
  },
];

function options(bundle: Bundle, settings: Partial<FineTuneSettings>, change: Partial<FineTuneOptions> = {}) {
  return {
    bundle,
    fresh,
    old,
    heldOut,
    settings: parseStrict(fineTuneSettings, { updates: 120, learningRate: 1, ...settings }, "the test"),
    seed: 1,
    clock: slicingClock(),
    ...change,
  };
}

/** @returns losses from when everything that the bundle lacks is learned again */
async function finish(tuner: FineTuner): Promise<{ weights: Weights; losses: number[] }> {
  const losses: number[] = [];
  while (!tuner.finished) {
    const { phase, figures } = await tuner.advance();
    if (phase !== "relearning") losses.push(figures.heldOutLoss!);
  }
  const weights = await tuner.weights();
  await tuner.close();
  return { weights, losses };
}

/** Names of the parameters that are not what they were in the bundle. */
function changed(weights: Weights, bundle: Bundle): string[] {
  const before = readWeights(bundle);
  return [...before].filter(([name, values]) => !sameBytes(values, weights.get(name)!)).map(([name]) => name);
}

function sameBytes(a: Float32Array, b: Float32Array): boolean {
  return a.every((value, i) => Object.is(value, b[i]));
}

/** Gates that ask how good a candidate is: nothing that so few updates decide. */
const MEASURING = ["latency", "one-step", "k-step", "reward", "action-change"];
const OFF = { enabled: false };

const isIn = (scopes: readonly string[]) => (name: string) => scopes.some((scope) => name.startsWith(scope));

/** Every system's bundle, and what a whole run makes of it. */
async function tuneOnce({ system }: Case) {
  const bundle = await trainOnlineDotBundle(join(folder, system.name), system);
  const tuner = await openFineTuner(options(bundle, {}));
  return { bundle, tuner, ...(await finish(tuner)) };
}
const runs = [];
for (const each of cases) runs.push({ ...each, ...(await tuneOnce(each)) });

for (const { system, heads, encoder, dynamics, behaviour = [], bundle, tuner, weights, losses } of runs) {
  const { name } = system;
  const moved = changed(weights, bundle);

  test(`${name}: the loss on held-out episodes of the changed world falls`, () => {
    assert.ok(losses.at(-1)! < 0.9 * losses[0]!, `from ${losses[0]} to ${losses.at(-1)}`);
  });

  test(`${name}: frozen heads keep their bytes, all else learns`, () => {
    assert.deepEqual(moved.filter(isIn(heads)), []);
    for (const scope of [...encoder, ...dynamics, ...behaviour]) assert.ok(moved.some(isIn([scope])), scope);
  });

  test(`${name}: with encoder and decoder frozen they keep their bytes, all else learns`, async () => {
    const freeze = ["encoder", "decoder"] as const;
    const run = await finish(await openFineTuner(options(bundle, { updates: 10, freeze: [...freeze] })));
    const learned = changed(run.weights, bundle);
    assert.deepEqual(learned.filter(isIn([...encoder, "decoder/"])), []);
    for (const scope of [...dynamics, ...heads, ...behaviour]) assert.ok(learned.some(isIn([scope])), scope);
  });

  test(`${name}: a run that is killed in its second turn goes on to the same bytes`, async () => {
    const path = join(folder, `${name}.safetensors`);
    const stopped = await openFineTuner(options(bundle, {}));
    for (let phase = ""; phase !== "dynamics"; ) ({ phase } = await stopped.advance());
    await saveCheckpoint(path, await stopped.snapshot());
    await stopped.close();
    const resumed = await openFineTuner(options(bundle, {}, { resume: await loadCheckpoint(path) }));
    assert.deepEqual((await finish(resumed)).weights, weights);
  });

  test(`${name}: the candidate passes the gates that ask what it is, and can be tuned again`, async () => {
    const target = join(folder, `${name}-candidate`);
    await exportCandidate(target, {
      tuner: { ...tuner, weights: async () => weights },
      parent: bundle,
      recorded: { trained: fresh, heldOut },
      data: [provenanceOf("runs", fresh)],
      command: "a test",
      seed: 1,
    });
    const judgement = await judge(target, {
      live: bundle,
      heldOut: async () => heldOut,
      settings: parseStrict(gatesSchema, Object.fromEntries(MEASURING.map((gate) => [gate, OFF])), "the test"),
      clock: systemClock(),
      inference: { provider: "cpu", threads: 1, niceness: 0 },
    });
    const passed = judgement.verdicts.filter((verdict) => verdict.passed).map(({ gate }) => gate);
    for (const gate of ["contract", "finite-weights", "parity"]) assert.ok(passed.includes(gate), gate);
    const candidate = judgement.bundle;
    assert.ok(candidate, "the gate `bundle`");
    assert.deepEqual(candidate.manifest.training.parent, { name: `dot-${name}`, hash: bundle.modelHash });
    await (await openFineTuner(options(candidate, { updates: 10 }))).close();
  });
}

const vaeAgent = runs.find(({ system }) => system.name === "vae-agent")!.bundle;

test("a bundle without weights that training needs is refused by the name of the first", async () => {
  const { decode: _, ...onnx } = vaeAgent.onnx;
  await assert.rejects(openFineTuner(options({ ...vaeAgent, onnx }, {})), {
    code: "ERR_NOT_TRAINABLE",
    message: /"decoder\/.*dot-vae-agent/,
    remedy: /train it again/,
  });
});

test("a bundle without its recipe is refused by the field that is missing", async () => {
  const algorithm = { name: "vae-agent", hyperparameters: {} };
  const bundle = { ...vaeAgent, manifest: { ...vaeAgent.manifest, algorithm } };
  await assert.rejects(openFineTuner(options(bundle, {})), { code: "ERR_NOT_TRAINABLE", message: /network/ });
});

test("a checkpoint of another system's run is refused by both names", async () => {
  const stopped = await openFineTuner(options(vaeAgent, {}));
  const { tensors, progress } = await stopped.snapshot();
  await stopped.close();
  const resume = { tensors, progress: { ...progress, extra: { ...progress.extra, system: "planet" } } };
  await assert.rejects(openFineTuner(options(vaeAgent, {}, { resume })), {
    code: "ERR_CHECKPOINT_MISMATCH",
    message: /vae-agent.*planet/,
  });
});

const ELBOWS = ["left.position", "right.position"].map((name) => ({ name, offset: 0, scale: 1 }));

test("recordings are learned from by the same command; those of another task, robot or rate are refused by the field", async () => {
  const replay = join(folder, "replay");
  await recordDotWorld({ folder: join(replay, "bag"), episodes: 6, seed: 50 });
  const run = (name: string, from: string) =>
    runFineTuning({
      from,
      replay,
      settings: parseStrict(fineTuneSettings, { updates: 4 }, "the test"),
      seed: 1,
      clock: systemClock(),
      folder: join(folder, name),
      bundle: { folder: join(folder, name, "bundle"), command: "a test" },
    });
  const { manifest, episodes } = await run("run", vaeAgent.folder);
  assert.deepEqual(episodes, { trained: 5, heldOut: 1, old: 0 });
  assert.ok(manifest.scene, "it paints, so it knows its scene");
  const { observation, evaluation } = vaeAgent.manifest;
  const refused: readonly [field: RegExp, change: object][] = [
    [/juggle/, { evaluation: [{ ...evaluation[0]!, task: "juggle" }] }],
    [/proprioception.*joints/, { observation: { ...observation, proprioception: ELBOWS } }],
    [/25 Hz/, { policyRateHz: 25 }],
  ];
  for (const [i, [message, change]] of refused.entries()) {
    const other = join(folder, `other-${i}`);
    await cp(vaeAgent.folder, other, { recursive: true });
    const changed = { ...JSON.parse(await readFile(join(other, "manifest.json"), "utf8")), ...change };
    await writeFile(join(other, "manifest.json"), JSON.stringify(changed));
    await assert.rejects(run(`refused-${i}`, other), { code: "ERR_REPLAY_MISMATCH", message });
  }
});
