import type { HaltCause } from "../core/status.ts";

/**
 * What the gate is shown each tick: a mutable record that its owner fills in place.
 *
 * Every stamp is on the monotonic clock, in nanoseconds, NaN when there was none. Nothing in here is trusted.
 */
export interface Evidence {
  nowNs: number;
  /** Measured joints, in the robot's order. */
  positions: Float64Array;
  velocities: Float64Array;
  jointStateArrivalNs: number;
  /** The plan that the request was read from: its arrival, the end of its last step, and what it was computed from. */
  planArrivalNs: number;
  planEndNs: number;
  observationArrivalNs: number;
  surprise: number;
  /** The newest plan was refused for its content: names the cause if the one before it runs out. */
  planInvalid: boolean;
  heartbeatNs: number;
  estop: boolean;
  /** Someone asked for a halt: `operator` or `shutdown`, else `none`. */
  haltRequest: HaltCause;
}

export function emptyEvidence(jointCount: number): Evidence {
  return {
    nowNs: Number.NaN,
    positions: new Float64Array(jointCount).fill(Number.NaN),
    velocities: new Float64Array(jointCount).fill(Number.NaN),
    jointStateArrivalNs: Number.NaN,
    planArrivalNs: Number.NaN,
    planEndNs: Number.NaN,
    observationArrivalNs: Number.NaN,
    surprise: 0,
    planInvalid: false,
    heartbeatNs: Number.NaN,
    estop: false,
    haltRequest: "none",
  };
}
