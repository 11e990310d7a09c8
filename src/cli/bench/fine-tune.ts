import { join } from "node:path";
import type { z } from "zod";
import { root } from "../../config/package-root.ts";
import { parseStrict } from "../../config/parse-strict.ts";
import { readConfig } from "../../config/read-config.ts";
import { systemClock } from "../../core/clock.ts";
import { processorSeconds } from "../../core/processor-time.ts";
import { Rng } from "../../core/rng.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { BundlePolicy } from "../../learning/bundle/bundle-policy.ts";
import { fillGraphs } from "../../learning/bundle/fill-graphs.ts";
import { type EpisodeStore, storeFor } from "../../learning/episodes/episode-store.ts";
import { openFineTuner } from "../../learning/fine-tune/open-fine-tuner.ts";
import { fineTuneSettings } from "../../learning/fine-tune/settings.ts";
import { evaluate } from "../../learning/run/evaluate.ts";
import { rollOut } from "../../learning/run/rollout.ts";
import { DEPLOYED } from "../../learning/run/training-scores.ts";
import type { TrainingWorld } from "../../learning/world/training-world.ts";
import { playHeldOutEpisodes } from "../../nodes/held-out-episodes.ts";
import { launchSchema } from "../../nodes/host/launch-description.ts";
import { simulatedRobotParameters } from "../../nodes/simulated-robot.ts";
import { openWorldOf } from "../../nodes/training-world.ts";
import type { DomainShift } from "../../sim/domain-shift.ts";
import { shiftOf } from "../../sim/domain-shift-schema.ts";
import type { BenchOptions } from "./suite.ts";

/** As in the demo: what the robot does before its model is trained further, and what is kept of the old world. */
const EPISODES = { fresh: 30, heldOut: 6, old: 160, evaluated: 50 };
const FRESH_STEPS = 30;
const SEEDS = { fresh: 31, old: 8_000_000, evaluated: 5_000_000, planner: 5, tuning: 1 };

/** A trained model and a world that it was not trained in. */
interface Trial {
  readonly model: string;
  readonly task: string;
  readonly shift: Partial<DomainShift>;
  readonly settings: z.input<typeof fineTuneSettings>;
}

/** The demo's changes for the planar arm, in the colours that it has. */
const REACH_SHIFT: Partial<DomainShift> = {
  cameraOffsetM: [0.02, -0.015, 0],
  cameraRotationRad: [0, 0, 0.05],
  lightTilt: [0.18, 0.12, 0],
  lightDiffuse: 0.88,
  lightAmbient: 1.09,
  servoGain: 0.7,
  jointFriction: 1.75,
  delaySteps: 1,
  colors: {
    ground: [0.34, 0.4, 0.46],
    arm: [0.66, 0.69, 0.26],
    root: [0.67, 0.43, 0.16],
    finger: [0.76, 0.25, 0.2],
    target: [0.25, 0.76, 0.25],
  },
};

type Bench = (options: BenchOptions) => Promise<object>;

/** A model in the demo's changed world. */
function inDemoWorld(model: string, settings: Trial["settings"]): Bench {
  return async (options) => {
    const { task, shift } = await changedWorld();
    return measureRecovery({ model, task, shift: shiftOf(shift), settings }, options);
  };
}

/** A model in the planar arm's world, changed as the demo's is. */
function inChangedReach(model: string): Bench {
  return (options) => measureRecovery({ model, task: "reach", shift: REACH_SHIFT, settings: {} }, options);
}

export const benchFineTune = inDemoWorld("arm-reach-keypoint", { updates: 10000 });
export const benchFineTuneVaeAgent = inChangedReach("reach-vae-agent");
export const benchFineTuneTdMpc2 = inChangedReach("reach-td-mpc2");

/**
 * What fine-tuning recovers: a model in a changed world, before and after training on episodes that it played there.
 *
 * Simulated time throughout: plans act late and goals move as they do on the robot, and nothing hangs on the machine's speed.
 */
async function measureRecovery(trial: Trial, { log }: BenchOptions): Promise<object> {
  const { model, task, shift } = trial;
  const bundle = await readBundle(join(root, "models", model));
  const changed = await openWorldOf(bundle.manifest, task, { shift });
  const nominal = await openWorldOf(bundle.manifest, task);
  try {
    const live = new Map(Object.entries(bundle.onnx));
    const before = { nominal: await scoreOf(nominal, live), changed: await scoreOf(changed, live) };
    log(`live model: success ${before.nominal.success} in the old world, ${before.changed.success} in the changed one`);
    const fresh = await play(changed, live, EPISODES.fresh, SEEDS.fresh);
    const heldOut = await play(changed, live, EPISODES.heldOut, SEEDS.fresh + EPISODES.fresh);
    const old = await playHeldOutEpisodes(nominal, bundle, { episodes: EPISODES.old, seed: SEEDS.old });
    const beganS = processorSeconds();
    const settings = parseStrict(fineTuneSettings, trial.settings, "the bench");
    const tuner = await openFineTuner({
      bundle,
      fresh,
      heldOut,
      old,
      settings,
      seed: SEEDS.tuning,
      clock: systemClock(),
    });
    while (!tuner.finished) await tuner.advance();
    const spentS = processorSeconds() - beganS;
    const tuned = fillGraphs(tuner.graphs, await tuner.weights(), ["encode", "observe", "plan"]);
    await tuner.close();
    const after = { nominal: await scoreOf(nominal, tuned), changed: await scoreOf(changed, tuned) };
    const gap = before.nominal.success - before.changed.success;
    const result = {
      model,
      task,
      episodes: { fresh: fresh.episodes.length, old: old.episodes.length, evaluated: EPISODES.evaluated },
      settings,
      cpu_seconds: Number(spentS.toFixed(1)),
      before,
      after,
      gap_recovered: Number(((after.changed.success - before.changed.success) / gap).toFixed(3)),
    };
    log(JSON.stringify(result));
    return result;
  } finally {
    changed.close();
    nominal.close();
  }
}

/** The world of the demo's launch file. */
async function changedWorld() {
  const { nodes } = await readConfig(launchSchema, join(root, "launch", "demo-shifted.yaml"));
  const robot = nodes.find(({ kind }) => kind === "simulated-robot");
  return parseStrict(simulatedRobotParameters, robot?.parameters, "the demo's robot");
}

type Graphs = ReadonlyMap<string, Uint8Array>;

/** Episodes of a model as the running robot would have recorded them. */
async function play(world: TrainingWorld, onnx: Graphs, episodes: number, seed: number): Promise<EpisodeStore> {
  const store = storeFor(world, episodes * (FRESH_STEPS + 1));
  const policy = await BundlePolicy.open(onnx, new Rng(seed));
  try {
    for (let i = 0; i < episodes; i++) {
      const kind = i % DEPLOYED.episodesPerReset === 0 ? "reset" : "retarget";
      const start = { kind, seed: seed * 1000 + i } as const;
      await rollOut(world, policy, { start, store, source: "policy", delay: DEPLOYED.delay, steps: FRESH_STEPS });
    }
    return store;
  } finally {
    await policy.close();
  }
}

async function scoreOf(world: TrainingWorld, onnx: Graphs) {
  const policy = await BundlePolicy.open(onnx, new Rng(SEEDS.planner));
  try {
    const options = { episodes: EPISODES.evaluated, seed: SEEDS.evaluated, ...DEPLOYED };
    const { successRate, meanReturn } = await evaluate(world, policy, options);
    return { success: successRate, mean_return: Number(meanReturn.toFixed(2)) };
  } finally {
    await policy.close();
  }
}
