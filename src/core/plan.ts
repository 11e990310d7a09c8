/** What drives the robot: the degrade ladder, best first, and `teleop`, a human beside it. Recordings hold their numbers. */
export const RUNGS = ["mpc", "mpc-short", "policy-prior", "last-plan", "hold", "teleop"] as const;
export type Rung = (typeof RUNGS)[number];

/** Plans that a human made, or whose start or fading in a hand-over changed, are numbered from here on. */
export const HUMAN_PLANS = 2 ** 32;

/**
 * What the world model returns at the policy rate: actions with their times and their origin.
 *
 * Step k is meant for [startNs + k·stepPeriodNs, startNs + (k+1)·stepPeriodNs) on the monotonic clock of this host.
 * Shapes: actions [H, A] row-major, normalised.
 */
export interface Plan {
  readonly id: number;
  readonly actions: Float32Array;
  readonly horizon: number;
  readonly actionDimension: number;
  readonly startNs: number;
  readonly stepPeriodNs: number;
  /** Capture of the observation behind it, ROS clock, and its arrival, monotonic clock. */
  readonly observationStampNs: bigint;
  readonly observationArrivalNs: number;
  /** First 8 bytes of the bundle's sha256 as hexadecimal. */
  readonly modelHash: string;
  readonly rung: Rung;
  /** The planner's own estimate of the return, and the model's surprise at the observation (nats or squared error). */
  readonly value: number;
  readonly surprise: number;
  /** How far the latent was rolled forward to compensate the measured delay. */
  readonly delayNs: number;
  readonly computeNs: number;
}
