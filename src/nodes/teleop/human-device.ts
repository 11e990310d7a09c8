import type { Word } from "./mapping.ts";

/** What a device says about its human: moving, hands off, or that it cannot tell and why. */
export type HumanState = "held" | "released" | { readonly trouble: string };

/** One way for a human to move the robot. Nothing in it may move the robot once `read` does not say `held`. */
export interface HumanDevice {
  /** When the newest input arrived. Units: ns, monotonic clock; NaN before the first */
  readonly inputNs: number;
  /**
   * Writes the joint velocities that the human asks for now.
   *
   * Units: rad/s. Shapes: positions where the robot was told to be, wanted [J]
   */
  read(nowNs: number, positions: ArrayLike<number>, wanted: Float64Array): HumanState;
  /** The human takes over: what was held before does not count as an intention. */
  engage(nowNs: number): void;
  close(): void;
}

/** What a device tells its node, besides being read. */
export interface DeviceEvents {
  /** Something changed: worth a look before the next turn. */
  onInput(): void;
  onWord(word: Word): void;
}
