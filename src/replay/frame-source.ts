import { Worker } from "node:worker_threads";
import type { CameraModel, CropRegion } from "../core/camera.ts";
import { LatentloopError } from "../core/errors.ts";
import type { ImagePlace } from "./episode-table.ts";

/** A camera's images as a model sees them. */
export interface FrameSize {
  readonly camera: string;
  readonly width: number;
  readonly height: number;
  /** As in the image path: all of the image, as it is, in rgb, where they are left out. */
  readonly crop?: CropRegion;
  readonly calibration?: CameraModel;
  readonly colorOrder?: "rgb" | "bgr";
}

export interface DecodeJob {
  readonly size: FrameSize;
  readonly place: ImagePlace;
  /** First byte in the shared memory. */
  readonly target: number;
}

export interface DecodeRequest {
  readonly id: number;
  readonly jobs: readonly DecodeJob[];
}

export interface DecodeAnswer {
  readonly id: number;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface FrameSourceOptions {
  readonly sizes: readonly FrameSize[];
  /** Finds the image of a camera and frame. */
  readonly placeOf: (camera: string, frame: number) => ImagePlace;
  /** Decoded frames stay in memory up to this; the least recently used go first. */
  readonly cacheBytes: number;
  readonly threads: number;
}

interface CameraCache {
  readonly size: FrameSize;
  readonly frameBytes: number;
  readonly slots: number;
  readonly free: number[];
  readonly firstByte: number;
  /** Slot by frame, the least recently used first. */
  readonly slotOf: Map<number, number>;
}

/** Frames go to the threads in pieces: large enough to hide the message, small enough to share the work out. */
const JOBS_PER_REQUEST = 16;

/**
 * Decoded frames at the model's size: read, decoded and resampled by worker threads, kept in memory up to a bound.
 */
export class FrameSource {
  readonly #options: FrameSourceOptions;
  readonly #memory: SharedArrayBuffer;
  readonly #caches: ReadonlyMap<string, CameraCache>;
  readonly #threads: readonly Worker[];
  readonly #waiting = new Map<number, (answer: DecodeAnswer) => void>();
  #nextId = 0;
  #decoded = 0;
  #asked = 0;

  constructor(options: FrameSourceOptions) {
    this.#options = options;
    const frameBytes = options.sizes.map(({ width, height }) => width * height * 3);
    const slots = Math.floor(options.cacheBytes / frameBytes.reduce((sum, bytes) => sum + bytes, 0));
    let firstByte = 0;
    this.#caches = new Map(
      options.sizes.map((size, i) => {
        const free = Array.from({ length: slots }, (_, slot) => slot);
        const cache = { size, frameBytes: frameBytes[i]!, slots, free, firstByte, slotOf: new Map<number, number>() };
        firstByte += slots * frameBytes[i]!;
        return [size.camera, cache];
      }),
    );
    this.#memory = new SharedArrayBuffer(firstByte);
    const program = new URL("./frame-thread.js", import.meta.url);
    this.#threads = Array.from({ length: options.threads }, () => this.#start(program));
  }

  /** Frames asked for and those among them that had to be decoded. */
  get counts(): { readonly asked: number; readonly decoded: number } {
    return { asked: this.#asked, decoded: this.#decoded };
  }

  /**
   * Copies frames to where they belong.
   *
   * Shapes: frames [n], out [n, Y, X, 3]: frame i goes to place i
   * @throws ERR_INVALID_ARGUMENT if the cache holds fewer than n frames
   * @throws the error of an image that does not decode
   */
  async copyInto(camera: string, frames: ArrayLike<number>, out: Uint8Array): Promise<void> {
    const cache = this.#caches.get(camera)!;
    await this.#load(cache, new Set(Array.from(frames)));
    for (let i = 0; i < frames.length; i++) {
      const start = cache.firstByte + cache.slotOf.get(frames[i]!)! * cache.frameBytes;
      out.set(new Uint8Array(this.#memory, start, cache.frameBytes), i * cache.frameBytes);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  async #load(cache: CameraCache, frames: ReadonlySet<number>): Promise<void> {
    const { slotOf, size, slots, free, frameBytes, firstByte } = cache;
    if (frames.size > slots) {
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected a frame cache for at least ${frames.size} frames of ${size.camera} but its bound leaves room for ${slots}.`,
      );
    }
    this.#asked += frames.size;
    const absent: number[] = [];
    for (const frame of frames) {
      const slot = slotOf.get(frame);
      if (slot === undefined) {
        absent.push(frame);
        continue;
      }
      slotOf.delete(frame);
      slotOf.set(frame, slot);
    }
    // Neighbours lie in one chunk, which a thread then reads once.
    absent.sort((a, b) => a - b);
    const jobs = absent.map((frame): DecodeJob => {
      const slot = free.pop() ?? evict(slotOf);
      slotOf.set(frame, slot);
      return { size, place: this.#options.placeOf(size.camera, frame), target: firstByte + slot * frameBytes };
    });
    this.#decoded += jobs.length;
    try {
      await this.#decode(jobs);
    } catch (error) {
      for (const frame of absent) {
        free.push(slotOf.get(frame)!);
        slotOf.delete(frame);
      }
      throw error;
    }
  }

  async #decode(jobs: readonly DecodeJob[]): Promise<void> {
    const pieces = Array.from({ length: Math.ceil(jobs.length / JOBS_PER_REQUEST) }, (_, i) =>
      jobs.slice(i * JOBS_PER_REQUEST, (i + 1) * JOBS_PER_REQUEST),
    );
    const answers = await Promise.all(pieces.map((piece) => this.#ask(piece)));
    const failed = answers.find(({ error }) => error !== undefined)?.error;
    if (failed !== undefined) {
      throw new LatentloopError("ERR_BAG_DAMAGED", `A recorded image cannot be used: ${failed.message}`, {
        remedy: "Find it with `latentloop replay verify`.",
      });
    }
  }

  #ask(jobs: readonly DecodeJob[]): Promise<DecodeAnswer> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#threads[id % this.#threads.length]!.postMessage({ id, jobs } satisfies DecodeRequest);
    });
  }

  #start(program: URL): Worker {
    const thread = new Worker(program, { workerData: this.#memory });
    thread.on("message", (answer: DecodeAnswer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    thread.on("error", ({ message }) => {
      for (const [id, resolve] of this.#waiting) resolve({ id, error: { code: "ERR_INTERNAL", message } });
      this.#waiting.clear();
    });
    return thread;
  }
}

/** Frees the slot of the least recently used frame. */
function evict(slotOf: Map<number, number>): number {
  const [[frame, slot] = [0, 0]] = slotOf;
  slotOf.delete(frame);
  return slot;
}
