import { LatentloopError } from "../core/errors.ts";
import type { RobotModel } from "../core/robot.ts";
import type { Workspace } from "./workspace-guard.ts";

/** What surprise above its limit does: nothing more than slowing down, a halt that ends by itself, or one that somebody has to end by arming. */
export const SURPRISE_ACTIONS = ["slow", "hold", "ask"] as const;
export type SurpriseAction = (typeof SURPRISE_ACTIONS)[number];

/** Everything the gate can be told. The limits of the joints come with the robot; the rest has defaults and is on. */
export interface SafetyOptions {
  readonly robot: RobotModel;
  readonly commandRateHz: number;
  readonly workspace?: Workspace;
  /** Ages past which the robot halts, counted from the arrival on this host. */
  readonly maxJointStateAgeMs: number;
  readonly maxObservationAgeMs: number;
  readonly maxPlanAgeMs: number;
  /** A plan older than this is called late: the loop coasts on it. */
  readonly latePlanMs: number;
  /** The deadman's heartbeat must come at least this often. */
  readonly maxHeartbeatAgeMs: number;
  /** The longest time between two ticks that is no clock jump. */
  readonly maxTickGapMs: number;
  /** Velocity limit at the moment of arming, as a share, and how long it takes to rise to 1. */
  readonly softStartScale: number;
  readonly softStartMs: number;
  /** Surprise of the model, in the unit of its plans: above the first the robot slows down, above the second it halts. */
  readonly surpriseWarn: number;
  readonly surpriseError: number;
  readonly surpriseScale: number;
  /** By default `ask`. */
  readonly surpriseAction?: SurpriseAction;
  /** Measured speed up to which a joint counts as at rest, rad/s or m/s. */
  readonly restVelocity: number;
  /** Distance between the measured and the last commanded position up to which arming continues from the latter. */
  readonly anchorTolerance: number;
  /** How far a commanded position may run ahead of the measured one before the joint has to follow first. */
  readonly maxLead: number;
  /** Distance between the measured and the commanded position at which a position-controlled robot halts. */
  readonly maxTrackingError: number;
}

/** Surprise has no default threshold: its unit is the model's, and a bundle that was calibrated brings its own. */
export const SAFETY_DEFAULTS = {
  maxJointStateAgeMs: 100,
  maxObservationAgeMs: 500,
  maxPlanAgeMs: 400,
  latePlanMs: 150,
  maxHeartbeatAgeMs: 500,
  maxTickGapMs: 250,
  softStartScale: 0.1,
  softStartMs: 1000,
  surpriseWarn: Number.POSITIVE_INFINITY,
  surpriseError: Number.POSITIVE_INFINITY,
  surpriseScale: 0.3,
  restVelocity: 0.05,
  anchorTolerance: 0.05,
  maxLead: 0.2,
  maxTrackingError: 0.5,
} as const satisfies Partial<SafetyOptions>;

/** A joint that needs longer from its full speed to rest has a limit in the wrong unit. */
const LONGEST_BRAKING_S = 60;

/** @throws ERR_INVALID_ARGUMENT naming the first value that makes no limit */
export function checkSafetyOptions(options: SafetyOptions): void {
  const { robot, commandRateHz } = options;
  if (!(commandRateHz > 0 && Number.isFinite(commandRateHz))) refuse("commandRateHz", commandRateHz, "a positive rate");
  if (robot.joints.length === 0) refuse(`robot "${robot.name}"`, "no joint", "at least one joint");
  for (const { name, limits } of robot.joints) {
    const { lower, upper, velocity, acceleration } = limits;
    if (!(lower < upper)) refuse(`joint "${name}"`, `lower ${lower}, upper ${upper}`, "lower < upper");
    if (!(velocity > 0 && Number.isFinite(velocity))) refuse(`joint "${name}" velocity`, velocity, "a positive limit");
    if (!(acceleration > 0 && Number.isFinite(acceleration))) {
      refuse(`joint "${name}" acceleration`, acceleration, "a positive limit");
    }
    if (velocity / acceleration > LONGEST_BRAKING_S) {
      refuse(`joint "${name}" acceleration`, acceleration, `a limit that stops it within ${LONGEST_BRAKING_S} s`);
    }
  }
  for (const name of Object.keys(SAFETY_DEFAULTS) as (keyof typeof SAFETY_DEFAULTS)[]) {
    if (!(options[name] > 0)) refuse(name, options[name], "a positive number");
  }
  for (const name of ["softStartScale", "surpriseScale"] as const) {
    if (options[name] > 1) refuse(name, options[name], "a share up to 1");
  }
}

function refuse(what: string, value: unknown, expected: string): never {
  throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected ${expected} for ${what} but received ${value}.`);
}
