import type { CompressedImage, ModelImage, RawImage } from "../core/camera.ts";
import type { Clock } from "../core/clock.ts";
import { LatentloopError } from "../core/errors.ts";
import { decodeImage } from "./decode.ts";
import type { ImagePath } from "./image-path.ts";

/** What became of a frame. */
export type FrameOutcome = "accepted" | "out_of_order" | "refused";

export interface FrameCounts {
  /** All that came. */
  received: number;
  accepted: number;
  /** Captured no later than the newest one. */
  outOfOrder: number;
  /** Of another size or encoding, cut off or not decodable. */
  refused: number;
  /** Accepted although captured before the newest one, because the camera's clock went back. */
  clockJumps: number;
}

/** Borrowed: `image` holds until the second next accepted frame. */
export type FrameReading =
  | { readonly status: "fresh"; readonly image: ModelImage; readonly ageNs: number }
  | { readonly status: "stale"; readonly image: ModelImage; readonly ageNs: number }
  | { readonly status: "none" };

export interface LatestFrameOptions {
  readonly path: ImagePath;
  readonly clock: Clock;
  /**
   * What a frame's age counts from. "capture" trusts that the camera's host keeps the same time as this one;
   * "arrival" does not see how long a frame was under way.
   */
  readonly ageFrom?: "capture" | "arrival";
}

/** Frames that keep arriving with older stamps for this long after the newest one mean that the clock went back. */
const CLOCK_JUMP_NS = 500e6;

interface Slot extends ModelImage {
  stampNs: bigint;
  arrivalNs: number;
  /** From capture to arrival by the ROS clock, or 0. */
  delayNs: number;
}

/**
 * The newest image of one camera, ready for the model, and how old it is.
 *
 * Only a later capture stamp replaces it, so a driver that repeats its last frame after losing the camera goes stale.
 * A frame that is refused is counted and leaves the newest one in place.
 * Timing: allocates nothing per frame but refusals.
 */
export class LatestFrame {
  readonly counts: FrameCounts = { received: 0, accepted: 0, outOfOrder: 0, refused: 0, clockJumps: 0 };
  /** Why the last refused frame was refused. */
  lastRefusal: LatentloopError | undefined;
  readonly #path: ImagePath;
  readonly #clock: Clock;
  readonly #countsDelay: boolean;
  #newest: Slot;
  #spare: Slot;

  constructor({ path, clock, ageFrom = "capture" }: LatestFrameOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#countsDelay = ageFrom === "capture";
    this.#newest = emptySlot(path);
    this.#spare = emptySlot(path);
  }

  /** Takes a frame in: converts it unless it is older than the newest one. Never throws for what a camera can send. */
  accept(image: RawImage): FrameOutcome {
    this.counts.received++;
    return this.#convert(image, this.#clock.monotonicNs());
  }

  /** As `accept`, of a JPEG or PNG. Frames may finish decoding out of order: the newest capture stays. */
  async acceptCompressed(image: CompressedImage): Promise<FrameOutcome> {
    this.counts.received++;
    const arrivalNs = this.#clock.monotonicNs();
    const rosArrivalNs = this.#clock.rosNs();
    try {
      return this.#convert(await decodeImage(this.#path.camera, image), arrivalNs, rosArrivalNs);
    } catch (error) {
      return this.#refuse(error);
    }
  }

  #convert(image: RawImage, arrivalNs: number, rosArrivalNs = this.#clock.rosNs()): FrameOutcome {
    const { counts } = this;
    const jumped = counts.accepted > 0 && image.stampNs <= this.#newest.stampNs;
    if (jumped && !this.#clockWentBack(image.stampNs, arrivalNs)) {
      counts.outOfOrder++;
      return "out_of_order";
    }
    const slot = this.#spare;
    try {
      this.#path.convertInto(image, slot.data);
    } catch (error) {
      return this.#refuse(error);
    }
    slot.stampNs = image.stampNs;
    slot.arrivalNs = arrivalNs;
    slot.delayNs = this.#countsDelay ? Math.max(0, Number(rosArrivalNs - image.stampNs)) : 0;
    this.#spare = this.#newest;
    this.#newest = slot;
    if (jumped) counts.clockJumps++;
    counts.accepted++;
    return "accepted";
  }

  #refuse(error: unknown): FrameOutcome {
    if (!(error instanceof LatentloopError)) throw error;
    this.counts.refused++;
    this.lastRefusal = error;
    return "refused";
  }

  #clockWentBack(stampNs: bigint, arrivalNs: number): boolean {
    return stampNs !== this.#newest.stampNs && arrivalNs - this.#newest.arrivalNs > CLOCK_JUMP_NS;
  }

  /** The newest image and whether it is at most `maxAgeNs` old. Timing: safe in the control loop. */
  read(maxAgeNs: number): FrameReading {
    if (this.counts.accepted === 0) return { status: "none" };
    const image = this.#newest;
    const ageNs = this.#clock.monotonicNs() - image.arrivalNs + image.delayNs;
    return { status: ageNs <= maxAgeNs ? "fresh" : "stale", image, ageNs };
  }

  /**
   * As `read`, for callers that cannot go on without an image.
   * @throws ERR_IMAGE_STALE naming the camera, the age and the last refusal
   */
  require(maxAgeNs: number): ModelImage {
    const reading = this.read(maxAgeNs);
    if (reading.status === "fresh") return reading.image;
    const expected = `Expected an image of ${this.#path.camera} at most ${milliseconds(maxAgeNs)} old`;
    const found = reading.status === "none" ? "none has come" : `the newest is ${milliseconds(reading.ageNs)} old`;
    const { refused } = this.counts;
    throw new LatentloopError("ERR_IMAGE_STALE", `${expected} but ${found} (${refused} frames were refused).`, {
      cause: this.lastRefusal,
      remedy: this.lastRefusal?.remedy ?? `Check that ${this.#path.camera} is connected and its driver publishes.`,
    });
  }
}

function emptySlot(path: ImagePath): Slot {
  const { width, height, outputBytes } = path;
  return { width, height, data: new Uint8Array(outputBytes), stampNs: 0n, arrivalNs: 0, delayNs: 0 };
}

function milliseconds(ns: number): string {
  return `${(ns / 1e6).toFixed(0)} ms`;
}
