import type { HaltCause } from "../core/status.ts";
import type { Evidence } from "./evidence.ts";
import type { SafetyOptions } from "./options.ts";

/** A stamp may lie this far in the future: reading the clock in two threads differs by less. */
const FUTURE_TOLERANCE_NS = 5e6;

/** Time since a stamp; infinite for one that is missing, not finite or in the future. Units: ns, monotonic clock. */
export function ageNs(nowNs: number, stampNs: number): number {
  const age = nowNs - stampNs;
  return Number.isFinite(age) && age >= -FUTURE_TOLERANCE_NS ? Math.max(0, age) : Number.POSITIVE_INFINITY;
}

export function allFinite(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) return false;
  return true;
}

/**
 * Finds the first reason in the evidence why the robot must not move.
 *
 * Timing: safe in the control loop; call it once a tick, because it also watches the time between ticks.
 */
export class Watchdog {
  readonly #options: SafetyOptions;
  #lastNowNs = Number.NaN;

  constructor(options: SafetyOptions) {
    this.#options = options;
  }

  check(evidence: Evidence): HaltCause {
    const options = this.#options;
    const { nowNs } = evidence;
    const jumped = this.#clockJumped(nowNs);
    if (evidence.estop) return "estop";
    if (evidence.haltRequest !== "none") return evidence.haltRequest;
    if (jumped) return "clock-jump";
    if (ageNs(nowNs, evidence.heartbeatNs) > options.maxHeartbeatAgeMs * 1e6) return "deadman";
    if (ageNs(nowNs, evidence.jointStateArrivalNs) > options.maxJointStateAgeMs * 1e6) return "joint-state-stale";
    if (!jointStateIsValid(evidence, options.robot.joints.length)) return "joint-state-invalid";
    const planIsStale = ageNs(nowNs, evidence.planArrivalNs) > options.maxPlanAgeMs * 1e6;
    if (planIsStale || !(nowNs < evidence.planEndNs)) return evidence.planInvalid ? "plan-invalid" : "plan-stale";
    if (ageNs(nowNs, evidence.observationArrivalNs) > options.maxObservationAgeMs * 1e6) return "observation-stale";
    if (!Number.isFinite(evidence.surprise)) return "surprise";
    if (evidence.surprise > options.surpriseError && options.surpriseAction !== "slow") return "surprise";
    return "none";
  }

  #clockJumped(nowNs: number): boolean {
    const gapNs = nowNs - this.#lastNowNs;
    const first = Number.isNaN(this.#lastNowNs);
    if (Number.isFinite(nowNs)) this.#lastNowNs = nowNs;
    return !Number.isFinite(nowNs) || (!first && (gapNs < 0 || gapNs > this.#options.maxTickGapMs * 1e6));
  }
}

export function jointStateIsValid(evidence: Evidence, jointCount: number): boolean {
  const { positions, velocities } = evidence;
  return (
    positions.length === jointCount && velocities.length === jointCount && allFinite(positions) && allFinite(velocities)
  );
}
