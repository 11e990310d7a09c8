/** Limits of one joint, as URDF and ros2_control's joint_limits name them. Units: rad, rad/s, rad/s² (m for prismatic). */
export interface JointLimits {
  readonly lower: number;
  readonly upper: number;
  readonly velocity: number;
  readonly acceleration: number;
}

export interface Joint {
  readonly name: string;
  readonly limits: JointLimits;
}

/** What a command means to the robot: the interface of its ros2_control controller. */
export type CommandInterface = "position" | "velocity";

/** The robot as the control loop sees it. The order of `joints` is the order of every vector of positions or commands. */
export interface RobotModel {
  readonly name: string;
  readonly joints: readonly Joint[];
  readonly commandInterface: CommandInterface;
}

/** Measured joints, in the order of `RobotModel.joints`: matched by name at the border, never by index. */
export interface JointState {
  readonly positions: Float64Array;
  readonly velocities: Float64Array;
  /** Measurement, ROS clock. */
  readonly stampNs: bigint;
  /** Arrival on this host, monotonic clock. */
  readonly arrivalNs: number;
}

declare const passedTheGate: unique symbol;

/**
 * A command that passed the safety gate, in the order of `RobotModel.joints` and the unit of its command interface.
 * Only `safety/` makes one; every robot output takes nothing else.
 */
export interface SafeCommand {
  readonly [passedTheGate]: true;
  readonly values: Float64Array;
}
