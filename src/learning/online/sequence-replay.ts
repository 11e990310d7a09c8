import type { Rng } from "../../core/rng.ts";
import type { TensorSpec } from "../../core/tensor.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import type { EpisodeSource, EpisodeStore, StoredEpisode } from "../episodes/episode-store.ts";
import type { RowSource } from "../episodes/mixed-rows.ts";
import type { BatchArrays } from "../optimization/batches.ts";

/** Frames that a piece of the past is made of. */
export interface SequenceSize {
  readonly length: number;
  readonly batch: number;
  /** Frames after those, of which all but the images is drawn; by default none. */
  readonly ahead?: number | undefined;
}

/**
 * What a batch of sequences holds, step by step: the observation, the action that led to it, the reward for that, and flags.
 *
 * `is_first`: nothing before this frame belongs to it. `is_last`: the next frame belongs to another episode. `rewarded`: 0 at an
 * episode's first frame, whose reward means nothing.
 * Shapes, with N = T + ahead: image_<camera> [T, B, Y, X, 3] uint8, proprioception [N, B, P], action [N, B, A], reward and flags [N, B]
 */
export function sequenceSpecs(spaces: ModelSpaces, { length, batch, ahead = 0 }: SequenceSize): TensorSpec[] {
  const { cameras, proprioceptionSize, actionSize } = spaces;
  const rows = [length + ahead, batch];
  const floats = (name: string, ...rest: number[]): TensorSpec => ({
    name,
    shape: [...rows, ...rest],
    dtype: "float32",
  });
  return [
    ...cameras.map(
      ({ name, width, height }): TensorSpec => ({
        name: `image_${name}`,
        shape: [length, batch, height, width, 3],
        dtype: "uint8",
      }),
    ),
    ...(proprioceptionSize > 0 ? [floats("proprioception", proprioceptionSize)] : []),
    floats("action", actionSize),
    floats("reward"),
    floats("is_first"),
    floats("is_last"),
    floats("is_terminal"),
    floats("rewarded"),
  ];
}

/**
 * Draws sequences from stored episodes: pieces of the stream of all frames, across the borders of episodes.
 *
 * With a `policyShare` so many of them begin in episodes of the policy once there are any, however few they are; by default
 * every frame is as likely.
 */
export class SequenceReplay implements RowSource {
  readonly #store: EpisodeStore;
  readonly #size: SequenceSize;
  readonly #frames: number;
  readonly #policyShare: number | undefined;
  readonly #bySource: Readonly<Record<EpisodeSource, StoredEpisode[]>> = { random: [], policy: [] };
  #seen = 0;

  constructor(store: EpisodeStore, size: SequenceSize, policyShare?: number) {
    this.#store = store;
    this.#size = size;
    this.#frames = size.length + (size.ahead ?? 0);
    this.#policyShare = policyShare;
  }

  get rows(): number {
    return this.#size.batch;
  }

  get framesNeeded(): number {
    return this.#frames;
  }

  get ready(): boolean {
    return this.#store.frames >= this.#frames;
  }

  /** Shapes: as `sequenceSpecs` */
  fill(arrays: BatchArrays, rng: Rng): void {
    for (let row = 0; row < this.rows; row++) this.fillRow(arrays, rng, row);
  }

  fillRow(arrays: BatchArrays, rng: Rng, row: number): void {
    this.#copy(arrays as Arrays, this.#drawStart(rng), row);
  }

  #takeInNewEpisodes(): void {
    const { episodes } = this.#store;
    for (; this.#seen < episodes.length; this.#seen++) {
      const episode = episodes[this.#seen]!;
      this.#bySource[episode.source].push(episode);
    }
  }

  #drawStart(rng: Rng): number {
    this.#takeInNewEpisodes();
    const last = this.#store.frames - this.#frames;
    const { random, policy } = this.#bySource;
    if (this.#policyShare === undefined || random.length === 0 || policy.length === 0) return rng.integer(last + 1);
    const episodes = rng.uniform() < this.#policyShare ? policy : random;
    const { firstFrame, frames } = episodes[rng.integer(episodes.length)]!;
    return Math.min(firstFrame + rng.integer(frames), last);
  }

  #copy(arrays: Arrays, start: number, row: number): void {
    const store = this.#store;
    const { length, batch } = this.#size;
    const { imageBytes, proprioceptionSize, actionSize } = store.sizes;
    for (let t = 0; t < this.#frames; t++) {
      const frame = start + t;
      const { firstFrame, frames, start: began } = store.episodes[store.episodeAt(frame)]!;
      const place = t * batch + row;
      const isStart = frame === firstFrame;
      const goesOn = began.kind === "retarget" && frame > 0;
      for (const camera of t < length ? Object.keys(imageBytes) : []) {
        arrays[`image_${camera}`]!.set(store.borrowImage(camera, frame), place * imageBytes[camera]!);
      }
      if (proprioceptionSize > 0) {
        arrays.proprioception!.set(store.borrowProprioception(frame), place * proprioceptionSize);
      }
      const action = arrays.action!.subarray(place * actionSize, (place + 1) * actionSize);
      if (isStart) action.fill(0);
      else action.set(store.borrowAction(frame - 1));
      arrays.reward![place] = store.rewards[frame]!;
      arrays.is_first![place] = isStart && !goesOn ? 1 : 0;
      arrays.is_last![place] = frame === firstFrame + frames - 1 ? 1 : 0;
      arrays.is_terminal![place] = store.terminal[frame]!;
      arrays.rewarded![place] = isStart ? 0 : 1;
    }
  }
}

type Arrays = Readonly<Record<string, Float32Array | Uint8Array>>;
