import { HALT_CAUSES, type HaltCause } from "../core/status.ts";

/** Why arming or resetting can be refused besides the causes of a halt, each with the sentence an operator reads. */
export const ARM_REFUSALS = {
  "estop-latched": "the emergency stop is latched: reset it first",
  moving: "the robot is not at rest",
  "outside-limits": "a joint is outside its position limits: move it back by hand",
  "outside-workspace": "the robot is outside its workspace: move it back by hand",
  "off-command": "the robot is not where it is held: press and reset the emergency stop, then arm from where it is",
  inactive: "the control loop is not running",
} as const;

/** `none` when it was granted. */
export type ArmRefusal = HaltCause | keyof typeof ARM_REFUSALS;

/** Every refusal by number, so that it fits into shared memory. Order is fixed only within one version. */
export const ARM_REFUSAL_NAMES = [...Object.keys(HALT_CAUSES), ...Object.keys(ARM_REFUSALS)] as ArmRefusal[];

export function sentenceOfRefusal(refusal: ArmRefusal): string {
  return refusal in ARM_REFUSALS
    ? ARM_REFUSALS[refusal as keyof typeof ARM_REFUSALS]
    : HALT_CAUSES[refusal as HaltCause];
}
