/** What a control tick can end in, each with the sentence an operator reads. `halting` and worse move the robot only to rest. */
export const CONTROL_STATUS = {
  disarmed: "The robot holds: nobody has armed the loop.",
  tracking: "The robot follows the newest plan.",
  coasting: "The plan is late: the robot follows the rest of the last safe plan.",
  halting: "The robot slows down smoothly to a stop.",
  holding: "The robot holds its position.",
  estopped: "The emergency stop is latched: reset it, then arm again.",
} as const;

export type ControlStatus = keyof typeof CONTROL_STATUS;

/** Those in which the robot moves by a plan. */
export const FOLLOWS_PLAN: readonly ControlStatus[] = ["tracking", "coasting"];

/** Why the loop left `tracking`. */
export const HALT_CAUSES = {
  none: "nothing is wrong",
  "plan-stale": "no new plan arrived within the allowed misses",
  "joint-state-stale": "no joint state arrived within the allowed age",
  "joint-state-invalid": "a joint state held a value that is not finite",
  "tracking-error": "the robot does not follow its commands",
  "observation-stale": "the camera frame behind the plan is too old",
  "plan-invalid": "a plan held a value that is not finite or another number of actions",
  "clock-jump": "the clock went backwards or jumped",
  deadman: "the deadman's heartbeat stopped",
  estop: "the emergency stop was pressed",
  surprise: "the world no longer behaves as the model expects",
  "internal-error": "the control loop met an error of its own",
  operator: "the operator asked for it",
  shutdown: "the process was told to end",
} as const;

export type HaltCause = keyof typeof HALT_CAUSES;

/** What the gate changed in a command, as bits; `softStart` stands for every lowered velocity limit, also that of surprise. */
export const LIMIT_BITS = {
  position: 1,
  velocity: 2,
  acceleration: 4,
  workspace: 8,
  finite: 16,
  softStart: 32,
  lead: 64,
} as const;
export type LimitName = keyof typeof LIMIT_BITS;
