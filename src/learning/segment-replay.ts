import type { Rng } from "../core/rng.ts";
import type { ModelSpaces } from "../world-models/world-model.ts";
import type { BatchArrays } from "./batches.ts";
import type { EpisodeStore, StoredEpisode } from "./episode-store.ts";
import { shiftImage } from "./shift-image.ts";

export interface SegmentSize {
  /** Steps of a segment; it has one frame more. */
  readonly horizon: number;
  readonly batch: number;
  /** Frames before the first that come along, by default none; before an episode's first frame that one again. */
  readonly context?: number;
}

/**
 * Draws segments of finished episodes: what happened over a few steps.
 *
 * Shapes: image_<camera> [C + H + 1, B, Y, X, 3], proprioception [C + H + 1, B, P], actions [H, B, A], rewards [H, B] on arriving, with
 * C frames of context
 */
export class SegmentReplay {
  readonly #store: EpisodeStore;
  readonly #size: SegmentSize;
  readonly #cameras: ModelSpaces["cameras"];
  readonly #shiftPx: number;
  readonly #usable: StoredEpisode[] = [];
  #seen = 0;

  /** @param shiftPx largest random shift of every image; 0 leaves them as they are */
  constructor(store: EpisodeStore, size: SegmentSize, cameras: ModelSpaces["cameras"], shiftPx = 0) {
    this.#store = store;
    this.#size = size;
    this.#cameras = cameras;
    this.#shiftPx = shiftPx;
  }

  fill(arrays: BatchArrays, rng: Rng): void {
    this.#takeInNewEpisodes();
    const { horizon, batch, context = 0 } = this.#size;
    for (let row = 0; row < batch; row++) {
      const { firstFrame, frames } = this.#usable[rng.integer(this.#usable.length)]!;
      const start = firstFrame + rng.integer(frames - horizon);
      for (let t = -context; t <= horizon; t++) {
        this.#copyFrame(arrays as Arrays, rng, Math.max(firstFrame, start + t), (context + t) * batch + row);
      }
      for (let t = 0; t < horizon; t++) this.#copyStep(arrays as Arrays, start + t, t * batch + row);
    }
  }

  #takeInNewEpisodes(): void {
    const { episodes } = this.#store;
    for (; this.#seen < episodes.length; this.#seen++) {
      const episode = episodes[this.#seen]!;
      if (episode.frames > this.#size.horizon) this.#usable.push(episode);
    }
  }

  #copyFrame(arrays: Arrays, rng: Rng, frame: number, place: number): void {
    const { proprioceptionSize } = this.#store.sizes;
    for (const { name, width, height } of this.#cameras) {
      const image = this.#store.borrowImage(name, frame);
      const out = arrays[`image_${name}`]!.subarray(place * image.length, (place + 1) * image.length) as Uint8Array;
      if (this.#shiftPx === 0) out.set(image);
      else shiftImage(image, out, width, height, this.#draw(rng), this.#draw(rng));
    }
    arrays.proprioception?.set(this.#store.borrowProprioception(frame), place * proprioceptionSize);
  }

  #copyStep(arrays: Arrays, frame: number, place: number): void {
    arrays.actions!.set(this.#store.borrowAction(frame), place * this.#store.sizes.actionSize);
    arrays.rewards![place] = this.#store.rewards[frame + 1]!;
  }

  #draw(rng: Rng): number {
    return rng.integer(2 * this.#shiftPx + 1) - this.#shiftPx;
  }
}

type Arrays = Readonly<Record<string, Float32Array | Uint8Array>>;
