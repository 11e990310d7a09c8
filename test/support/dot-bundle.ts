import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { Rng } from "../../src/core/rng.ts";
import { type Bundle, readBundle } from "../../src/inference/read-bundle.ts";
import { exportBundle } from "../../src/learning/bundle/export-bundle.ts";
import { type EpisodeStore, storeFor } from "../../src/learning/episodes/episode-store.ts";
import { KeypointLearner } from "../../src/learning/keypoint/learner.ts";
import type { Learner } from "../../src/learning/learner.ts";
import { OnlineLearner, type OnlineSystem } from "../../src/learning/online/learner.ts";
import { exploringPolicy, rollOut } from "../../src/learning/run/rollout.ts";
import type { TrainingWorld } from "../../src/learning/world/training-world.ts";
import { DotWorld } from "./dot-world.ts";
import { TINY_KEYPOINT } from "./tiny-keypoint.ts";

/** With them a second or two is enough. */
const SEEDS = { keypoint: 3, online: 1 };

/** A keypoint bundle that was trained on the dot world for a second or two. */
export async function trainDotBundle(folder: string): Promise<Bundle> {
  const world = new DotWorld();
  const options = { world, seed: SEEDS.keypoint, clock: systemClock() };
  return bundleOf("keypoint", options, await KeypointLearner.open(options, TINY_KEYPOINT), folder);
}

/** A bundle of a system that learns online, trained on the dot world as its recipe says. */
export async function trainOnlineDotBundle(folder: string, system: OnlineSystem): Promise<Bundle> {
  const world = new DotWorld();
  const options = { world, seed: SEEDS.online, clock: systemClock() };
  return bundleOf(system.name, options, await OnlineLearner.open(options, system), folder);
}

/** What a learner has learned when it is finished. */
async function bundleOf(
  system: string,
  { world, seed }: { readonly world: DotWorld; readonly seed: number },
  learner: Learner,
  folder: string,
): Promise<Bundle> {
  try {
    while (!learner.finished) await learner.advance();
    const { cameras } = world.observationSpace;
    const whole = { colorOrder: "rgb", crop: null, calibrationSha256: null } as const;
    const bundle = join(folder, "dot");
    await exportBundle(bundle, {
      graphs: learner.graphs,
      parameters: await learner.weights(),
      manifest: {
        name: `dot-${system}`,
        algorithm: { name: system, hyperparameters: JSON.parse(JSON.stringify(learner.hyperparameters)) },
        observation: {
          cameras: cameras.map((camera) => ({ ...camera, ...whole })),
          proprioception: [...world.proprioceptionFeatures],
        },
        action: { dimensions: [...world.actionSpace.dimensions] },
        policyRateHz: world.controlRateHz,
        latentSize: learner.latentSize,
        surpriseLimit: 1,
        training: {
          data: [{ source: "the dot world", sha256: null, ...learner.collected }],
          command: "a test",
          seed,
        },
        evaluation: [{ task: world.task, metric: "success_rate", value: 1, episodes: 1 }],
        licence: "Apache-2.0",
      },
    });
    return await readBundle(bundle);
  } finally {
    await learner.close();
  }
}

/** Episodes of random actions. */
export async function randomEpisodes(world: TrainingWorld, episodes: number, seed: number): Promise<EpisodeStore> {
  const store = storeFor(world, episodes * (world.episodeSteps + 1));
  const policy = exploringPolicy(world, new Rng(seed));
  for (let i = 0; i < episodes; i++) {
    await rollOut(world, policy, { start: { kind: "reset", seed: seed + i }, store });
  }
  return store;
}
