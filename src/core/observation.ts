import type { ModelImage } from "./camera.ts";

/**
 * What the robot senses at one instant.
 *
 * Shapes: images height × width × 3 uint8 by camera name; proprioception [P] float32 in the units that the manifest names.
 */
export interface Observation {
  readonly images: Readonly<Record<string, ModelImage>>;
  readonly proprioception: Float32Array;
  /** Capture of the oldest part, ROS clock. */
  readonly stampNs: bigint;
  /** Arrival of the newest part, monotonic clock. */
  readonly arrivalNs: number;
}

/** What a model's observations are made of. */
export interface ObservationSpace {
  readonly cameras: readonly { readonly name: string; readonly width: number; readonly height: number }[];
  /** One name per element of `proprioception`. */
  readonly proprioception: readonly string[];
}
