import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { readBundle } from "../../../src/inference/read-bundle.ts";
import { fillGraphs } from "../../../src/learning/bundle/fill-graphs.ts";
import { KeypointLearner } from "../../../src/learning/keypoint/learner.ts";
import type { Learner, LearningSystem } from "../../../src/learning/learner.ts";
import { saveCheckpoint } from "../../../src/learning/optimization/checkpoint.ts";
import type { Weights } from "../../../src/learning/optimization/step-runner.ts";
import { CurveFile } from "../../../src/learning/run/curve.ts";
import { runTraining, type TrainingRunOptions, type WeightsChoice } from "../../../src/learning/run/training-run.ts";
import { DotWorld } from "../../support/dot-world.ts";
import { TINY_KEYPOINT } from "../../support/tiny-keypoint.ts";

const folder = await mkdtemp(join(tmpdir(), "latentloop-training-"));
after(() => rm(folder, { recursive: true }));

const eyes = () => ({ cameras: ["scene"], width: 64, height: 64 });
const short = { ...TINY_KEYPOINT, randomEpisodes: 32, updates: { representation: 40, dynamics: 40, decoder: 4 } };
const tiny: LearningSystem = {
  name: "tiny",
  title: "for tests",
  eyes,
  open: (options) => KeypointLearner.open(options, short),
};

function optionsFor(name: string, system = tiny): TrainingRunOptions {
  return {
    system,
    openWorld: async () => new DotWorld(20),
    seed: 2,
    clock: systemClock(),
    folder: join(folder, name),
    bundle: { folder: join(folder, name, "bundle"), name: "dot", command: "latentloop train …" },
    evaluationEpisodes: 4,
  };
}

const graphsOf = async (name: string) => (await readBundle(join(folder, name, "bundle"))).onnx;

test("a run leaves a bundle that the loop accepts, with its origin and its scores", async () => {
  const { scores } = await runTraining(optionsFor("whole"));
  const { manifest } = await readBundle(join(folder, "whole", "bundle"));
  assert.equal(manifest.algorithm.name, "tiny");
  assert.equal(manifest.training.command, "latentloop train …");
  assert.deepEqual(manifest.training.data, [
    { source: "simulated task dot", sha256: null, episodes: 40, steps: 32 * 20 + 8 * 6 },
  ]);
  assert.ok(manifest.surpriseWarn! > 0 && manifest.surpriseLimit! >= 2 * manifest.surpriseWarn!);
  const success = manifest.evaluation.find(({ metric }) => metric === "success_rate");
  assert.deepEqual(success, { task: "dot", metric: "success_rate", value: scores.ideal.successRate, episodes: 4 });
});

test("an aborted run can be resumed and ends with the same bundle", async () => {
  const stop = new AbortController();
  let reports = 0;
  const watcher = { onReport: () => void (++reports === 34 && stop.abort()) }; // in the first round's training
  await assert.rejects(runTraining({ ...optionsFor("aborted"), watcher, signal: stop.signal }), {
    code: "ERR_TRAINING_STOPPED",
  });
  await runTraining({ ...optionsFor("aborted"), resume: true });
  assert.deepEqual(await graphsOf("aborted"), await graphsOf("whole"));
  const phases = async (name: string) =>
    (await new CurveFile(join(folder, name, "curve.jsonl")).read()).map(({ phase, updates }) => [phase, updates]);
  assert.deepEqual(await phases("aborted"), await phases("whole"));
});

test("a run that is stopped in its last evaluation ends at the next step, and makes the evaluation again", async () => {
  const stop = new AbortController();
  const evaluations: number[] = [];
  const onEpisode = (done: number, episodes: number) => {
    evaluations.push(done);
    if (episodes === 12 && done === 5) stop.abort(); // of four ideal, four deployed and four random ones
  };
  const options = optionsFor("judged");
  await assert.rejects(runTraining({ ...options, watcher: { onEpisode }, signal: stop.signal }), {
    code: "ERR_TRAINING_STOPPED",
    remedy: /judged.checkpoint/,
  });
  assert.equal(evaluations.at(-1), 5);
  await runTraining({ ...options, resume: true });
  assert.deepEqual(await graphsOf("judged"), await graphsOf("whole"));
});

test("a resumed run that diverges names the checkpoint that it went on from", async () => {
  const stop = new AbortController();
  const watcher = { onReport: ({ updates }: { updates: number }) => void (updates > 0 && stop.abort()) };
  await assert.rejects(runTraining({ ...optionsFor("diverging"), watcher, signal: stop.signal }), {
    code: "ERR_TRAINING_STOPPED",
  });
  const openWorld = async () => new UnrewardedWorld(20);
  await assert.rejects(runTraining({ ...optionsFor("diverging"), openWorld, resume: true }), {
    code: "ERR_TRAINING_DIVERGED",
    message:
      /diverged at step \d+: loss NaN; the last good checkpoint is .*diverging.checkpoint\.safetensors of step \d+\./,
  });
});

test("a checkpoint of another kind of run is refused", async () => {
  const options = optionsFor("foreign");
  await mkdir(options.folder, { recursive: true });
  const progress = { step: 0, seed: 2, extra: { taken: 3, tuner: {} } };
  await saveCheckpoint(join(options.folder, "checkpoint.safetensors"), { tensors: new Map(), progress });
  await assert.rejects(runTraining({ ...options, resume: true }), {
    code: "ERR_CHECKPOINT_MISMATCH",
    message: /training run/,
  });
});

test("a bundle that exists is never overwritten, and is refused before any work", async () => {
  let opened = 0;
  const options = {
    ...optionsFor("whole"),
    openWorld: async () => {
      opened++;
      return new DotWorld();
    },
  };
  await assert.rejects(runTraining(options), { code: "ERR_BUNDLE_EXISTS" });
  assert.equal(opened, 0);
});

/** An evaluation plays 20 episodes and one to imagine; each side of the choice plays 40. */
const SECOND_ROUND = { first: 22, last: 42 };
const CHOICE_OF_BEST = { first: 43, last: 82 };
const CHOICE_OF_LAST = { first: 83, last: 122 };

test("the weights with the best evaluation are exported, not the last ones", async () => {
  const { rounds, choice } = await trainWithHardTimes("best", [SECOND_ROUND, CHOICE_OF_LAST]);
  assert.equal(choice.kept, "best");
  assert.ok(choice.bestReturn > choice.lastReturn + 100 && choice.bestSteps < 32 * 20 + 8 * 6);
  assert.notDeepEqual(rounds[0], rounds[1]);
  await assertExported("best", rounds[0]!);
});

test("a round that was only lucky loses against the last one", async () => {
  const { rounds, choice } = await trainWithHardTimes("lucky", [SECOND_ROUND, CHOICE_OF_BEST]);
  assert.equal(choice.kept, "last");
  await assertExported("lucky", rounds[1]!);
});

async function trainWithHardTimes(name: string, hard: readonly Episodes[]) {
  const rounds: Weights[] = [];
  let choice: WeightsChoice | undefined;
  await runTraining({
    ...optionsFor(name, { ...tiny, open: async (options) => witnessed(await tiny.open(options), rounds) }),
    openWorld: async () => new HardWorld(hard),
    watcher: { onChoice: (made) => void (choice = made) },
  });
  return { rounds, choice: choice! };
}

async function assertExported(name: string, weights: Weights) {
  const { graphs } = await tiny.open({ world: new DotWorld(), seed: 2, clock: systemClock() });
  const expected = fillGraphs(graphs, weights, ["encode", "plan"]);
  const exported = await graphsOf(name);
  assert.ok(expected.get("encode")!.length > 0 && Buffer.from(expected.get("encode")!).equals(exported.encode!));
  assert.ok(Buffer.from(expected.get("plan")!).equals(exported.plan!));
}

/** Its rewards are no numbers. */
class UnrewardedWorld extends DotWorld {
  override step(action: Float32Array) {
    return { ...super.step(action), reward: Number.NaN };
  }
}

interface Episodes {
  readonly first: number;
  readonly last: number;
}

/** Every reward is worse in some of its episodes. */
class HardWorld extends DotWorld {
  readonly #hard: readonly Episodes[];

  constructor(hard: readonly Episodes[]) {
    super(20);
    this.#hard = hard;
  }

  override step(action: Float32Array) {
    const result = super.step(action);
    const isHard = this.#hard.some(({ first, last }) => this.resets >= first && this.resets <= last);
    return isHard ? { ...result, reward: result.reward - 100 } : result;
  }
}

/** A learner that notes what weights it was asked for. */
function witnessed(learner: Learner, rounds: Weights[]): Learner {
  return new Proxy(learner, {
    get(target, property) {
      const value = Reflect.get(target, property) as unknown;
      if (property === "weights") {
        return async () => {
          const weights = await target.weights();
          rounds.push(weights);
          return weights;
        };
      }
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
