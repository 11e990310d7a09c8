import { LatentloopError } from "../core/errors.ts";
import { type JointTrajectoryPoint, timeFromNs } from "../messages/index.ts";
import { jointOrder } from "./joint-order.ts";
import { COMMAND_QOS, type OutputOptions, type RobotOutput } from "./robot-output.ts";

export interface JointTrajectoryOptions extends OutputOptions {
  readonly commandRateHz: number;
  /** Command periods until the robot is to be where a command puts it: a buffer against jitter, paid for with lag. */
  readonly leadPeriods: number;
}

/**
 * A joint_trajectory_controller, by its topic. Every command is a trajectory that replaces the last one before its end, so the
 * arm does not stop between commands: a point with the velocity of the last two commands, then the way to rest from there
 * with the joints' own accelerations, which the arm takes only if no further command comes.
 *
 * The header's stamp is zero, which means "begin now". Only what passed the gate leaves, so a plan's chunk goes command by
 * command and not ahead of its time.
 * @throws ERR_JOINT_MISSING if a joint is not the robot's; ERR_INVALID_ARGUMENT for a robot that is not commanded by position
 */
export function jointTrajectoryOutput(options: JointTrajectoryOptions): RobotOutput {
  const { context, robot, topic, joints, commandRateHz, leadPeriods } = options;
  if (robot.commandInterface !== "position") {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected a robot commanded by position for the trajectories of '${topic}' but ${robot.name} takes velocities.`,
      { remedy: "Use a joint group, or give the robot's file the command interface 'position'." },
    );
  }
  const order = jointOrder(robot, topic, joints);
  const limits = order.map((index) => robot.joints[index]!.limits);
  const publisher = context.publisher(topic, "trajectory_msgs/msg/JointTrajectory", COMMAND_QOS);
  const leadNs = (leadPeriods * 1e9) / commandRateHz;
  let last: { readonly positions: readonly number[]; readonly atNs: number } | undefined;

  const point = (positions: readonly number[], velocities: readonly number[], atNs: number): JointTrajectoryPoint => ({
    positions,
    velocities,
    accelerations: [],
    effort: [],
    time_from_start: timeFromNs(BigInt(Math.round(atNs))),
  });
  return {
    summary: `joint trajectory ${topic}: ${joints.join(", ")}`,
    get listeners() {
      return publisher.subscribers;
    },
    write(command) {
      const atNs = context.clock.monotonicNs();
      const positions = order.map((index) => command[index]!);
      // After a pause longer than the last trajectory the arm is at rest.
      const pauseNs = last === undefined ? Number.POSITIVE_INFINITY : atNs - last.atNs;
      const before = last !== undefined && pauseNs <= leadNs ? last.positions : positions;
      const periods = Math.max(1, Math.round((pauseNs * commandRateHz) / 1e9)); // more than one where commands were lost
      const velocities = positions.map((position, i) => ((position - before[i]!) * commandRateHz) / periods);
      last = { positions, atNs };
      const points = [point(positions, velocities, leadNs)];
      const brakingS = Math.max(...velocities.map((velocity, i) => Math.abs(velocity) / limits[i]!.acceleration));
      if (brakingS > 0) {
        const rest = positions.map((position, i) => {
          const { lower, upper } = limits[i]!;
          return Math.min(upper, Math.max(lower, position + (velocities[i]! * brakingS) / 2));
        });
        const standing = velocities.map(() => 0);
        points.push(point(rest, standing, leadNs + brakingS * 1e9));
      }
      publisher.publish({ header: { stamp: { sec: 0, nanosec: 0 }, frame_id: "" }, joint_names: joints, points });
    },
  };
}
