import type { Rng } from "../../core/rng.ts";
import type { BatchArrays } from "../batches.ts";
import type { EpisodeSource, EpisodeStore, StoredEpisode } from "../episode-store.ts";
import { copyFrame, copyImages } from "./frame-encoder.ts";

type Arrays = Readonly<Record<string, Float32Array>>;

/** Episodes of one source that are trained on, and their frames that have a reward. */
interface Pool {
  readonly episodes: readonly StoredEpisode[];
  readonly rewarded: Int32Array;
}

/**
 * Draws the batches of the keypoint model's updates from stored episodes; held-out ones are left out.
 *
 * The planner's own episodes take a fixed part of every batch, however few they are: near the goal, where the arm hides it,
 * random ones show nothing.
 */
export class KeypointBatches {
  readonly #store: EpisodeStore;
  readonly #policyShare: number;
  #random: Pool = { episodes: [], rewarded: new Int32Array() };
  #policy: Pool = { episodes: [], rewarded: new Int32Array() };

  constructor(store: EpisodeStore, policyShare: number) {
    this.#store = store;
    this.#policyShare = policyShare;
  }

  /** Takes in the episodes that were added since. */
  refresh(): void {
    const poolOf = (source: EpisodeSource): Pool => {
      const episodes = this.#store.episodes.filter((episode) => !episode.heldOut && episode.source === source);
      return { episodes, rewarded: rewardedFrames(episodes) };
    };
    this.#random = poolOf("random");
    this.#policy = poolOf("policy");
  }

  /** Single frames. Shapes: image_<camera> [B, Y, X, 3], proprioception [B, P], rewards [B] */
  fillRepresentation(arrays: BatchArrays, rng: Rng): void {
    const { rewards } = arrays as Arrays;
    for (let row = 0; row < rewards!.length; row++) {
      const frame = this.#drawFrame(rng);
      copyFrame(this.#store, frame, arrays as Arrays, row);
      rewards![row] = this.#store.rewards[frame]!;
    }
  }

  /**
   * Pieces of episodes, as latents.
   *
   * Shapes: latents [H + 1, B, L], actions [H, B, A], rewards [H, B]; encoded [F, L]
   */
  fillDynamics(arrays: BatchArrays, rng: Rng, encoded: Float32Array, horizon: number): void {
    const { latents, actions, rewards } = arrays as {
      latents: Float32Array;
      actions: Float32Array;
      rewards: Float32Array;
    };
    const batch = rewards.length / horizon;
    const latentSize = latents.length / (batch * (horizon + 1));
    const { actionSize } = this.#store.sizes;
    for (let row = 0; row < batch; row++) {
      const { episodes } = this.#drawPool(rng);
      const { firstFrame, frames } = episodes[rng.integer(episodes.length)]!;
      const start = firstFrame + rng.integer(frames - horizon);
      for (let t = 0; t <= horizon; t++) {
        const frame = start + t;
        latents.set(encoded.subarray(frame * latentSize, (frame + 1) * latentSize), (t * batch + row) * latentSize);
        if (t < horizon) actions.set(this.#store.borrowAction(frame), (t * batch + row) * actionSize);
        if (t > 0) rewards[(t - 1) * batch + row] = this.#store.rewards[frame]!;
      }
    }
  }

  /** Latents and what they show. Shapes: latents [B, L], image_<camera> [B, Y, X, 3]; encoded [F, L] */
  fillDecoder(arrays: BatchArrays, rng: Rng, encoded: Float32Array, batch: number): void {
    const { latents } = arrays as { latents: Float32Array };
    const latentSize = latents.length / batch;
    for (let row = 0; row < batch; row++) {
      const frame = this.#drawFrame(rng);
      latents.set(encoded.subarray(frame * latentSize, (frame + 1) * latentSize), row * latentSize);
      copyImages(this.#store, frame, arrays as Arrays, row);
    }
  }

  #drawFrame(rng: Rng): number {
    const { rewarded } = this.#drawPool(rng);
    return rewarded[rng.integer(rewarded.length)]!;
  }

  #drawPool(rng: Rng): Pool {
    const fromPolicy = rng.uniform() < this.#policyShare;
    return fromPolicy && this.#policy.episodes.length > 0 ? this.#policy : this.#random;
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
