import { jointGroupOutput } from "./joint-group.ts";
import { type JointTrajectoryOptions, jointTrajectoryOutput } from "./joint-trajectory.ts";
import type { RobotOutput } from "./robot-output.ts";

/** Controllers that a command can go to, by the name that configurations use. */
export const ROBOT_OUTPUTS = {
  "joint-group": jointGroupOutput,
  "joint-trajectory": jointTrajectoryOutput,
} as const satisfies Record<string, (options: JointTrajectoryOptions) => RobotOutput>;

export type RobotOutputKind = keyof typeof ROBOT_OUTPUTS;
export type { RobotOutput } from "./robot-output.ts";
