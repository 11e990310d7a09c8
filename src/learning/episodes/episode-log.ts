import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { makeTensor, type Tensor } from "../../core/tensor.ts";
import { otherRun } from "../optimization/other-run.ts";
import { rollOut, scriptedPolicy } from "../run/rollout.ts";
import type { TrainingWorld } from "../world/training-world.ts";
import type { EpisodeStore } from "./episode-store.ts";

/** How each episode of a store began, and how long it was. */
export const EpisodeLog = z.array(
  z.strictObject({
    kind: z.enum(["reset", "retarget"]),
    seed: z.int(),
    steps: z.int(),
    source: z.enum(["random", "policy"]),
  }),
);
export type EpisodeLog = z.infer<typeof EpisodeLog>;

/** Episodes as starts and actions alone: the simulator gives the same images again. Shapes: actions [F, A] */
export function logEpisodes(store: EpisodeStore): { episodes: EpisodeLog; actions: Tensor } {
  const { actionSize } = store.sizes;
  return {
    episodes: store.episodes.map(({ start, frames, source }) => ({ ...start, steps: frames - 1, source })),
    actions: makeTensor("float32", [store.frames, actionSize], store.actions.slice(0, store.frames * actionSize)),
  };
}

/** Plays logged episodes again, into an empty store. */
export async function replayEpisodes(
  world: TrainingWorld,
  episodes: EpisodeLog,
  actions: Tensor,
  store: EpisodeStore,
): Promise<void> {
  const { actionSize } = store.sizes;
  const executed = actions.data as Float32Array;
  for (const { kind, seed, steps, source } of episodes) {
    const first = store.frames * actionSize;
    const script = scriptedPolicy(executed.subarray(first, first + steps * actionSize));
    await rollOut(world, script, { start: { kind, seed }, steps, store, source });
  }
}

/** @throws ERR_CHECKPOINT_MISMATCH unless recorded episodes are those that a log was made of */
export function requireSameEpisodes(recorded: EpisodeStore, episodes: EpisodeLog, actions: Tensor): void {
  const given = logEpisodes(recorded);
  if (isDeepStrictEqual([given.episodes, given.actions.data], [episodes, actions.data])) return;
  throw otherRun(`a run on these ${given.episodes.length} recorded episodes`, `one on ${episodes.length} others`);
}
