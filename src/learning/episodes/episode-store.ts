import { LatentloopError } from "../../core/errors.ts";
import { partitionPoint } from "../../math/partition-point.ts";
import type { EpisodeStart, TrainingWorld } from "../world/training-world.ts";

export interface FrameSizes {
  /** Bytes of one image by camera name. */
  readonly imageBytes: Readonly<Record<string, number>>;
  readonly proprioceptionSize: number;
  readonly actionSize: number;
}

export type EpisodeSource = "random" | "policy";

/** Where an episode lies in the store, and how it began. */
export interface StoredEpisode {
  readonly firstFrame: number;
  readonly frames: number;
  readonly start: EpisodeStart;
  /** Who chose the actions. */
  readonly source: EpisodeSource;
}

/** Nothing is forgotten while a run lasts, so a run may not ask for more memory than this: 700 000 frames of 64 × 64 pixels. */
export const MAX_STORE_BYTES = 8 * 2 ** 30;

/**
 * An empty store for so many frames of a world.
 * @throws ERR_STORE_FULL if they would take more than `MAX_STORE_BYTES`
 */
export function storeFor({ observationSpace, actionSpace }: TrainingWorld, capacityFrames: number): EpisodeStore {
  const { cameras, proprioception } = observationSpace;
  const sizes: FrameSizes = {
    imageBytes: Object.fromEntries(cameras.map(({ name, width, height }) => [name, width * height * 3])),
    proprioceptionSize: proprioception.length,
    actionSize: actionSpace.dimensions.length,
  };
  const bytes = capacityFrames * bytesOf(sizes);
  if (bytes <= MAX_STORE_BYTES) return new EpisodeStore(sizes, capacityFrames);
  const gib = (count: number) => `${(count / 2 ** 30).toFixed(1)} GiB`;
  throw new LatentloopError(
    "ERR_STORE_FULL",
    `Expected at most ${gib(MAX_STORE_BYTES)} of episodes in memory but ${capacityFrames} frames take ${gib(bytes)}.`,
    { remedy: "Ask for fewer steps, or sense less: fewer cameras, or the state." },
  );
}

/** Memory of one frame. */
function bytesOf({ imageBytes, proprioceptionSize, actionSize }: FrameSizes): number {
  const images = Object.values(imageBytes).reduce((sum, bytes) => sum + bytes, 0);
  const [reward, terminal] = [Float32Array.BYTES_PER_ELEMENT, Uint8Array.BYTES_PER_ELEMENT];
  return images + (proprioceptionSize + actionSize) * Float32Array.BYTES_PER_ELEMENT + reward + terminal;
}

/** Everything that a store knows, frame by frame. */
interface Columns {
  readonly images: Readonly<Record<string, Uint8Array>>;
  readonly proprioception: Float32Array;
  readonly actions: Float32Array;
  readonly rewards: Float32Array;
  readonly terminal: Uint8Array;
}

function emptyColumns({ imageBytes, proprioceptionSize, actionSize }: FrameSizes, frames: number): Columns {
  return {
    images: Object.fromEntries(
      Object.entries(imageBytes).map(([camera, bytes]) => [camera, new Uint8Array(frames * bytes)]),
    ),
    proprioception: new Float32Array(frames * proprioceptionSize),
    actions: new Float32Array(frames * actionSize),
    rewards: new Float32Array(frames),
    terminal: new Uint8Array(frames),
  };
}

/**
 * Episodes in memory, frame by frame, for training.
 *
 * Frame i holds an observation, the reward on arriving at it (none at an episode's first frame, NaN where nobody scored it) and
 * the action that was executed from there on (none at its last).
 * Shapes: images [F, Y, X, 3] uint8, proprioception [F, P], actions [F, A], rewards [F], terminal [F] (1: the task ended there)
 */
export class EpisodeStore {
  readonly sizes: FrameSizes;
  readonly #episodes: StoredEpisode[] = [];
  #columns: Columns;
  #capacity: number;
  #frames = 0;

  constructor(sizes: FrameSizes, capacityFrames: number) {
    this.sizes = sizes;
    this.#capacity = capacityFrames;
    this.#columns = emptyColumns(sizes, capacityFrames);
  }

  get capacity(): number {
    return this.#capacity;
  }

  get images(): Readonly<Record<string, Uint8Array>> {
    return this.#columns.images;
  }

  get proprioception(): Float32Array {
    return this.#columns.proprioception;
  }

  get actions(): Float32Array {
    return this.#columns.actions;
  }

  get rewards(): Float32Array {
    return this.#columns.rewards;
  }

  get terminal(): Uint8Array {
    return this.#columns.terminal;
  }

  /** Makes room for so many more frames. What was borrowed before is no part of the store any more. */
  reserve(frames: number): void {
    const needed = this.#frames + frames;
    if (needed <= this.#capacity) return;
    this.#capacity = Math.max(needed, 2 * this.#capacity);
    const grown = emptyColumns(this.sizes, this.#capacity);
    const { images, proprioception, actions, rewards, terminal } = this.#columns;
    for (const [camera, bytes] of Object.entries(images)) grown.images[camera]!.set(bytes);
    grown.proprioception.set(proprioception);
    grown.actions.set(actions);
    grown.rewards.set(rewards);
    grown.terminal.set(terminal);
    this.#columns = grown;
  }

  get episodes(): readonly StoredEpisode[] {
    return this.#episodes;
  }

  get frames(): number {
    return this.#frames;
  }

  /** Steps between frames: what an environment was asked for. */
  get steps(): number {
    return this.#frames - this.#episodes.length;
  }

  /** Index of the episode that a frame belongs to. */
  episodeAt(frame: number): number {
    return partitionPoint(this.#episodes.length, (i) => this.#episodes[i]!.firstFrame <= frame) - 1;
  }

  borrowImage(camera: string, frame: number): Uint8Array {
    const bytes = this.sizes.imageBytes[camera]!;
    return this.images[camera]!.subarray(frame * bytes, (frame + 1) * bytes);
  }

  borrowProprioception(frame: number): Float32Array {
    const size = this.sizes.proprioceptionSize;
    return this.proprioception.subarray(frame * size, (frame + 1) * size);
  }

  borrowAction(frame: number): Float32Array {
    const size = this.sizes.actionSize;
    return this.actions.subarray(frame * size, (frame + 1) * size);
  }

  /**
   * Starts writing an episode: `nextFrame` hands out the frames, `end` makes it part of the store.
   * @throws ERR_STORE_FULL from `nextFrame` if the capacity is used up
   */
  begin(start: EpisodeStart, source: EpisodeSource): { nextFrame(): number; end(): StoredEpisode } {
    const firstFrame = this.#frames;
    let frames = 0;
    return {
      nextFrame: () => {
        if (firstFrame + frames >= this.capacity) {
          throw new LatentloopError("ERR_STORE_FULL", `Expected at most ${this.capacity} frames in the episode store.`);
        }
        return firstFrame + frames++;
      },
      end: () => {
        const episode = { firstFrame, frames, start, source };
        this.#episodes.push(episode);
        this.#frames += frames;
        return episode;
      },
    };
  }
}
