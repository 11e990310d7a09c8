import { Rng } from "../core/rng.ts";
import type { Bundle } from "../inference/read-bundle.ts";
import { BundlePolicy } from "../learning/bundle/bundle-policy.ts";
import { type EpisodeStore, storeFor } from "../learning/episodes/episode-store.ts";
import { exploringPolicy, noisyPolicy, rollOut } from "../learning/run/rollout.ts";
import type { TrainingWorld } from "../learning/world/training-world.ts";

export interface HeldOutOptions {
  readonly episodes: number;
  readonly seed: number;
  readonly onEpisode?: (done: number) => void;
}

/** Noise on the model's actions, so that the episodes show more than the best way. */
const EXPLORATION_STD = 0.3;

/** Fresh episodes of a simulated task to judge models on: by turns a bundle's own, disturbed by noise, and random ones. */
export async function playHeldOutEpisodes(
  world: TrainingWorld,
  { onnx }: Bundle,
  { episodes, seed, onEpisode }: HeldOutOptions,
): Promise<EpisodeStore> {
  const store = storeFor(world, episodes * (world.episodeSteps + 1));
  const rng = new Rng(seed);
  const policy = await BundlePolicy.open(new Map(Object.entries(onnx)), rng.fork());
  const random = exploringPolicy(world, rng.fork());
  const noisy = noisyPolicy(policy, EXPLORATION_STD, rng.fork());
  try {
    for (let i = 0; i < episodes; i++) {
      const own = i % 2 === 0;
      if (own) policy.begin(rng.fork());
      const start = { kind: "reset", seed: seed + i } as const;
      await rollOut(world, own ? noisy : random, { start, store, source: own ? "policy" : "random" });
      onEpisode?.(i + 1);
    }
    return store;
  } finally {
    await policy.close();
  }
}
