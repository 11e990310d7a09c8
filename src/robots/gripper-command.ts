import { LatentloopError, messageOf } from "../core/errors.ts";
import type { ActionClient, GoalOutcome } from "../core/node.ts";
import { jointOrder } from "./joint-order.ts";
import type { OutputOptions, RobotOutput } from "./robot-output.ts";

export interface GripperOptions extends OutputOptions {
  /** Units: N or N m; 0 leaves it to the gripper. */
  readonly maxEffort: number;
  /** Change of the commanded opening that is worth a new goal. Units: those of the joint. */
  readonly goalTolerance: number;
}

/** A gripper that is given goals faster than this would begin each and end none. */
const GOAL_PERIOD_NS = 100e6;

/**
 * A gripper by its action control_msgs/action/GripperCommand. A command that differs enough from the last goal becomes the next
 * one, at most ten times a second; the controller lets it take the place of the one before.
 * @throws ERR_JOINT_MISSING if the joint is not the robot's; ERR_INVALID_ARGUMENT for other than one joint, for a velocity, or
 * without ROS 2; ERR_ROS_MESSAGE_PACKAGE if the binding was built without control_msgs
 */
export function gripperCommandOutput(options: GripperOptions): RobotOutput {
  const { context, robot, topic, joints, maxEffort, goalTolerance } = options;
  const [index] = jointOrder(robot, topic, joints);
  if (index === undefined || joints.length !== 1 || robot.commandInterface !== "position") {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected one joint that is commanded by position for the gripper '${topic}' but received ${joints.join(", ")} of ${robot.name} by ${robot.commandInterface}.`,
    );
  }
  if (context.action === undefined) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected ROS 2 for the action '${topic}' but this is not ROS 2.`,
      {
        remedy: "Use a joint group for the gripper here.",
      },
    );
  }
  const client: ActionClient = context.action(topic, "control_msgs/action/GripperCommand");
  let goal = Number.NaN;
  let sentNs = Number.NEGATIVE_INFINITY;
  let fault: string | undefined;

  const settle = (outcome: GoalOutcome, position: number): void => {
    // A gripper that stalls on what it grasps has done its work, whatever its controller calls that.
    fault = outcome === "rejected" ? `'${topic}' rejected the goal ${position}` : undefined;
  };
  return {
    summary: `gripper ${topic}: ${joints[0]}`,
    get listeners() {
      return client.isServed ? 1 : 0;
    },
    get fault() {
      return fault;
    },
    write(command) {
      const position = command[index]!;
      const nowNs = context.clock.monotonicNs();
      if (Math.abs(position - goal) <= goalTolerance || nowNs - sentNs < GOAL_PERIOD_NS || !client.isServed) return;
      goal = position;
      sentNs = nowNs;
      client.send({ command: { position, max_effort: maxEffort } }).then(
        (outcome) => settle(outcome, position),
        (thrown: unknown) => {
          fault = messageOf(thrown);
          goal = Number.NaN; // to be sent again
        },
      );
    },
  };
}
