import { type GripperOptions, gripperCommandOutput } from "./gripper-command.ts";
import { jointGroupOutput } from "./joint-group.ts";
import { type JointTrajectoryOptions, jointTrajectoryOutput } from "./joint-trajectory.ts";
import type { RobotOutput } from "./robot-output.ts";
import { type ServoOptions, servoJointJogOutput, servoTwistOutput } from "./servo.ts";

/** All that an output of any kind is made from. */
export type AnyOutputOptions = JointTrajectoryOptions & ServoOptions & GripperOptions;

/** Controllers that a command can go to, by the name that configurations use. */
export const ROBOT_OUTPUTS = {
  "joint-group": jointGroupOutput,
  "joint-trajectory": jointTrajectoryOutput,
  "servo-twist": servoTwistOutput,
  "servo-joint-jog": servoJointJogOutput,
  "gripper-command": gripperCommandOutput,
} as const satisfies Record<string, (options: AnyOutputOptions) => RobotOutput>;

export type RobotOutputKind = keyof typeof ROBOT_OUTPUTS;
export { chainBetween } from "./chain-between.ts";
export { COMMAND_QOS, type RobotOutput } from "./robot-output.ts";
export { SilenceBrake } from "./silence-brake.ts";
