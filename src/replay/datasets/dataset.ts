import { decodeImage, ImagePath } from "../../cameras/index.ts";
import type { CompressedImage, RawImage } from "../../core/camera.ts";

export interface DatasetCamera {
  readonly name: string;
  readonly width: number;
  readonly height: number;
}

/** An image as its source has it. */
export type Frame = RawImage | CompressedImage;

/**
 * A demonstration of N steps: what was seen before each action, what the action earned, and whether a human chose it.
 *
 * Shapes: stampsNs, reward, intervention [N]; state, velocity [N, P]; action [N, A]
 * Units: stamps in nanoseconds on the ROS clock; `endNs` is when the last action had been executed
 */
export interface DatasetEpisode {
  readonly number: number;
  readonly task: string;
  readonly success: boolean;
  /** Whether the task ended there, rather than the time for it. */
  readonly terminal: boolean;
  readonly stampsNs: readonly bigint[];
  readonly endNs: bigint;
  readonly state: Float64Array;
  /** Empty where there is none. */
  readonly velocity: Float64Array;
  readonly action: Float64Array;
  /** NaN where nobody scored the step. */
  readonly reward: Float32Array;
  readonly intervention: readonly boolean[];
  /** Hashes of the model and the calibrations at each step, by name; "" where there was none. Shapes: each [N] */
  readonly provenance: Readonly<Record<string, readonly string[]>>;
  /** The N images of a camera, in order; `stampNs` is their capture. */
  frames(camera: string): AsyncIterable<Frame>;
}

/** Demonstrations in whatever format, episode by episode. */
export interface Dataset {
  /** Where it lies, for messages. */
  readonly path: string;
  readonly stateNames: readonly string[];
  readonly actionNames: readonly string[];
  readonly cameras: readonly DatasetCamera[];
  /** What `provenance` of its episodes may tell. */
  readonly provenanceNames: readonly string[];
  /** Steps per second. */
  readonly rateHz: number;
  readonly episodeCount: number;
  /** Episodes of its source that are not among them, a sentence each. */
  readonly leftOut?: readonly string[];
  episode(index: number): Promise<DatasetEpisode>;
  close(): Promise<void>;
}

/** The pixels of a frame as packed rgb8 in its own size. */
export async function rgbOf(camera: string, frame: Frame): Promise<RawImage> {
  const image = "format" in frame ? await decodeImage(camera, frame) : frame;
  const { encoding, width, height, stride, data, stampNs } = image;
  if (encoding === "rgb8" && stride === 3 * width) return image;
  const path = new ImagePath({ camera, source: { encoding, width, height }, output: { width, height } });
  const out = new Uint8Array(path.outputBytes);
  path.convertInto({ encoding, width, height, stride, data, stampNs }, out);
  return { encoding: "rgb8", width, height, stride: 3 * width, data: out, stampNs };
}
