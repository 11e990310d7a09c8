import type { NodeContext, Qos } from "../core/node.ts";
import type { RobotModel } from "../core/robot.ts";
import type { RosMessages } from "../messages/index.ts";

/** Takes commands that passed the gate, in the order of the robot's joints, to one controller. */
export interface RobotOutput {
  /** Where it goes, for the log. */
  readonly summary: string;
  /** Controllers that listen now, where the transport can tell. */
  readonly listeners: number | undefined;
  /** Why commands do not leave, when it is not for want of a listener. */
  readonly fault?: string | undefined;
  /** Units: those of the robot's command interface. */
  write(command: ArrayLike<number>): void;
}

export interface OutputOptions {
  readonly context: NodeContext<RosMessages>;
  readonly robot: RobotModel;
  /** Topic or action of the controller. */
  readonly topic: string;
  /** The controller's joints in its own order. */
  readonly joints: readonly string[];
}

/** Only the newest command counts. */
export const COMMAND_QOS: Qos = { reliability: "reliable", durability: "volatile", depth: 1 };
