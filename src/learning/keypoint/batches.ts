import type { Rng } from "../../core/rng.ts";
import type { EpisodeStore, StoredEpisode } from "../episodes/episode-store.ts";
import { pickByShare, type Shared, shareAmong } from "../episodes/shares.ts";
import type { BatchArrays } from "../optimization/batches.ts";
import { copyFrame, copyImages } from "./frame-encoder.ts";

type Arrays = Readonly<Record<string, Float32Array>>;

/** Episodes that take a fixed part of every batch, however few they are. */
export interface BatchSource extends Shared {
  readonly store: EpisodeStore;
  /** Which of the store's episodes, by what they are and by their place. */
  accepts(episode: StoredEpisode, index: number): boolean;
}

/** Episodes of one source that are trained on, and their frames that have a reward. */
interface Pool extends Shared {
  readonly store: EpisodeStore;
  readonly episodes: readonly StoredEpisode[];
  readonly rewarded: Int32Array;
}

/** Latents of all frames of each store. Shapes: [F, L] */
export type EncodedStores = ReadonlyMap<EpisodeStore, Float32Array>;

/** Every so many episodes one is kept out of training, to measure the validation error on. */
const HELD_OUT_EVERY = 16;

export function isHeldOut(index: number): boolean {
  return index % HELD_OUT_EVERY === HELD_OUT_EVERY - 1;
}

/**
 * The planner's own episodes make up a fixed part of every batch: near the goal, where the arm hides it, random ones show
 * nothing. Held-out episodes are never drawn.
 */
export function ownAndRandom(store: EpisodeStore, policyShare: number): BatchSource[] {
  return [
    { store, share: policyShare, accepts: ({ source }, index) => !isHeldOut(index) && source === "policy" },
    { store, share: 1 - policyShare, accepts: ({ source }, index) => !isHeldOut(index) && source === "random" },
  ];
}

/** Draws the batches of the keypoint model's updates from stored episodes, by the shares of their sources. */
export class KeypointBatches {
  readonly #sources: readonly BatchSource[];
  readonly #horizon: number;
  #pools: readonly Pool[] = [];

  /** @param horizon steps that the dynamics are unrolled for: shorter episodes are left out */
  constructor(sources: readonly BatchSource[], horizon: number) {
    this.#sources = sources;
    this.#horizon = horizon;
  }

  /** Takes in the episodes that were added since. Shares of sources that have none fall to the others. */
  refresh(): void {
    const pools = this.#sources.map(({ store, share, accepts }): Pool => {
      const episodes = store.episodes.filter((episode, i) => episode.frames > this.#horizon && accepts(episode, i));
      return { store, share, episodes, rewarded: rewardedFrames(episodes) };
    });
    this.#pools = shareAmong(pools, ({ episodes }) => episodes.length > 0);
  }

  /** Stores that batches are drawn from. */
  get stores(): EpisodeStore[] {
    return [...new Set(this.#pools.map(({ store }) => store))];
  }

  /** Single frames. Shapes: image_<camera> [B, Y, X, 3], proprioception [B, P], rewards [B] */
  fillRepresentation(arrays: BatchArrays, rng: Rng): void {
    const { rewards } = arrays as Arrays;
    for (let row = 0; row < rewards!.length; row++) {
      const { store, frame } = this.#drawFrame(rng);
      copyFrame(store, frame, arrays as Arrays, row);
      rewards![row] = store.rewards[frame]!;
    }
  }

  /** Pieces of episodes, as latents. Shapes: latents [H + 1, B, L], actions [H, B, A], rewards [H, B] */
  fillDynamics(arrays: BatchArrays, rng: Rng, encoded: EncodedStores): void {
    const { latents, actions, rewards } = arrays as {
      latents: Float32Array;
      actions: Float32Array;
      rewards: Float32Array;
    };
    const horizon = this.#horizon;
    const batch = rewards.length / horizon;
    const latentSize = latents.length / (batch * (horizon + 1));
    for (let row = 0; row < batch; row++) {
      const { store, episodes } = pickByShare(this.#pools, rng);
      const { firstFrame, frames } = episodes[rng.integer(episodes.length)]!;
      const start = firstFrame + rng.integer(frames - horizon);
      const known = encoded.get(store)!;
      const { actionSize } = store.sizes;
      for (let t = 0; t <= horizon; t++) {
        const frame = start + t;
        latents.set(known.subarray(frame * latentSize, (frame + 1) * latentSize), (t * batch + row) * latentSize);
        if (t < horizon) actions.set(store.borrowAction(frame), (t * batch + row) * actionSize);
        if (t > 0) rewards[(t - 1) * batch + row] = store.rewards[frame]!;
      }
    }
  }

  /** Latents and what they show. Shapes: latents [B, L], image_<camera> [B, Y, X, 3] */
  fillDecoder(arrays: BatchArrays, rng: Rng, encoded: EncodedStores, batch: number): void {
    const { latents } = arrays as { latents: Float32Array };
    const latentSize = latents.length / batch;
    for (let row = 0; row < batch; row++) {
      const { store, frame } = this.#drawFrame(rng);
      latents.set(encoded.get(store)!.subarray(frame * latentSize, (frame + 1) * latentSize), row * latentSize);
      copyImages(store, frame, arrays as Arrays, row);
    }
  }

  #drawFrame(rng: Rng): { store: EpisodeStore; frame: number } {
    const { store, rewarded } = pickByShare(this.#pools, rng);
    return { store, frame: rewarded[rng.integer(rewarded.length)]! };
  }
}

/** All frames of the episodes but the first of each. */
export function rewardedFrames(episodes: readonly StoredEpisode[]): Int32Array {
  const frames: number[] = [];
  for (const { firstFrame, frames: count } of episodes) {
    for (let t = 1; t < count; t++) frames.push(firstFrame + t);
  }
  return Int32Array.from(frames);
}
