import type { Rng } from "../../core/rng.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { shiftImage } from "../losses/shift-image.ts";
import type { BatchArrays } from "../optimization/batches.ts";
import type { EpisodeSource, EpisodeStore, StoredEpisode } from "./episode-store.ts";
import type { RowSource } from "./mixed-rows.ts";

export interface SegmentSize {
  /** Steps of a segment; it has one frame more. */
  readonly horizon: number;
  readonly batch: number;
  /** Frames before the first that come along, by default none; before an episode's first frame that one again. */
  readonly context?: number;
}

export interface SegmentDraw {
  /**
   * Largest random shift of the images; 0, the default, leaves them as they are. Every image is moved by itself; those of a
   * segment with context together, because motion is read off the frames before.
   */
  readonly shiftPx?: number;
  /**
   * Share of the segments that come from episodes of the policy once there are any, however few they are; by default every
   * episode is as likely.
   */
  readonly policyShare?: number | undefined;
}

/**
 * Draws segments of finished episodes: what happened over a few steps.
 *
 * Shapes: image_<camera> [C + H + 1, B, Y, X, 3], proprioception [C + H + 1, B, P], actions [H, B, A], rewards [H, B] on arriving, with
 * C frames of context
 */
export class SegmentReplay implements RowSource {
  readonly #store: EpisodeStore;
  readonly #size: SegmentSize;
  readonly #cameras: ModelSpaces["cameras"];
  readonly #shiftPx: number;
  readonly #policyShare: number | undefined;
  readonly #usable: StoredEpisode[] = [];
  readonly #bySource: Readonly<Record<EpisodeSource, StoredEpisode[]>> = { random: [], policy: [] };
  #seen = 0;

  constructor(
    store: EpisodeStore,
    size: SegmentSize,
    cameras: ModelSpaces["cameras"],
    { shiftPx = 0, policyShare }: SegmentDraw = {},
  ) {
    this.#store = store;
    this.#size = size;
    this.#cameras = cameras;
    this.#shiftPx = shiftPx;
    this.#policyShare = policyShare;
  }

  get rows(): number {
    return this.#size.batch;
  }

  get framesNeeded(): number {
    return this.#size.horizon + 1;
  }

  get ready(): boolean {
    this.#takeInNewEpisodes();
    return this.#usable.length > 0;
  }

  fill(arrays: BatchArrays, rng: Rng): void {
    for (let row = 0; row < this.rows; row++) this.fillRow(arrays, rng, row);
  }

  fillRow(arrays: BatchArrays, rng: Rng, row: number): void {
    this.#takeInNewEpisodes();
    const { horizon, batch, context = 0 } = this.#size;
    const episodes = this.#pool(rng);
    const { firstFrame, frames } = episodes[rng.integer(episodes.length)]!;
    const start = firstFrame + rng.integer(frames - horizon);
    const together = context > 0 ? this.#drawShift(rng) : undefined;
    for (let t = -context; t <= horizon; t++) {
      const shift = together ?? this.#drawShift(rng);
      this.#copyFrame(arrays as Arrays, shift, Math.max(firstFrame, start + t), (context + t) * batch + row);
    }
    for (let t = 0; t < horizon; t++) this.#copyStep(arrays as Arrays, start + t, t * batch + row);
  }

  #takeInNewEpisodes(): void {
    const { episodes } = this.#store;
    for (; this.#seen < episodes.length; this.#seen++) {
      const episode = episodes[this.#seen]!;
      if (episode.frames <= this.#size.horizon) continue;
      this.#usable.push(episode);
      this.#bySource[episode.source].push(episode);
    }
  }

  /** The episodes that the next segment is drawn from. */
  #pool(rng: Rng): readonly StoredEpisode[] {
    const { random, policy } = this.#bySource;
    if (this.#policyShare === undefined || random.length === 0 || policy.length === 0) return this.#usable;
    return rng.uniform() < this.#policyShare ? policy : random;
  }

  #copyFrame(arrays: Arrays, shifts: readonly Shift[], frame: number, place: number): void {
    const { proprioceptionSize } = this.#store.sizes;
    for (const [i, { name, width, height }] of this.#cameras.entries()) {
      const image = this.#store.borrowImage(name, frame);
      const out = arrays[`image_${name}`]!.subarray(place * image.length, (place + 1) * image.length) as Uint8Array;
      if (this.#shiftPx === 0) out.set(image);
      else shiftImage(image, out, width, height, ...shifts[i]!);
    }
    arrays.proprioception?.set(this.#store.borrowProprioception(frame), place * proprioceptionSize);
  }

  #copyStep(arrays: Arrays, frame: number, place: number): void {
    arrays.actions!.set(this.#store.borrowAction(frame), place * this.#store.sizes.actionSize);
    arrays.rewards![place] = this.#store.rewards[frame + 1]!;
  }

  /** One for each camera. */
  #drawShift(rng: Rng): readonly Shift[] {
    if (this.#shiftPx === 0) return [];
    const draw = () => rng.integer(2 * this.#shiftPx + 1) - this.#shiftPx;
    return this.#cameras.map(() => [draw(), draw()]);
  }
}

/** Units: px */
type Shift = readonly [columns: number, rows: number];

type Arrays = Readonly<Record<string, Float32Array | Uint8Array>>;
