import { LatentloopError, messageOf } from "../core/errors.ts";
import { LATCHED_QOS, SENSOR_QOS } from "../core/node.ts";
import { makeHeader } from "../messages/index.ts";
import { jointOrder } from "./joint-order.ts";
import { KinematicChain } from "./kinematic-chain.ts";
import { COMMAND_QOS, type OutputOptions, type RobotOutput } from "./robot-output.ts";

export interface ServoOptions extends OutputOptions {
  /** Link in whose frame a twist is given, and from which the joints lead to the tip. */
  readonly base: string;
  /** Link that a twist moves. */
  readonly tip: string;
}

/**
 * MoveIt Servo by joint velocities: control_msgs/JointJog, usually on `servo_node/delta_joint_cmds`. Servo takes its own care of
 * collisions, singularities and joint bounds on top of ours, and halts when the commands end.
 * @throws ERR_JOINT_MISSING if a joint is not the robot's; ERR_INVALID_ARGUMENT for a robot that is not commanded by velocity
 */
export function servoJointJogOutput(options: ServoOptions): RobotOutput {
  const { context, robot, topic, joints, base } = options;
  const order = velocityOrder(options);
  const publisher = context.publisher(topic, "control_msgs/msg/JointJog", COMMAND_QOS);
  return {
    summary: `servo joint jog ${topic}: ${joints.join(", ")} of ${robot.name}`,
    get listeners() {
      return publisher.subscribers;
    },
    write(command) {
      const velocities = order.map((index) => command[index]!);
      const header = makeHeader(context.clock.rosNs(), base);
      publisher.publish({ header, joint_names: joints, displacements: [], velocities, duration: 0 });
    },
  };
}

/**
 * MoveIt Servo by the tip's twist: geometry_msgs/TwistStamped in speed units, usually on `servo_node/delta_twist_cmds`.
 *
 * The twist is what the joint velocities do to the tip where the joints are now: measured positions, and the chain of
 * `robot_description`. Until both are there nothing leaves.
 * @throws ERR_JOINT_MISSING if a joint is not the robot's; ERR_INVALID_ARGUMENT for a robot that is not commanded by velocity
 */
export function servoTwistOutput(options: ServoOptions): RobotOutput {
  const { context, robot, topic, joints, base, tip } = options;
  const order = velocityOrder(options);
  const publisher = context.publisher(topic, "geometry_msgs/msg/TwistStamped", COMMAND_QOS);
  const positions = new Map<string, number>();
  const velocities = new Map<string, number>();
  let chain: KinematicChain | undefined;
  let problem = "no robot_description has come";
  context.subscribe(
    "robot_description",
    "std_msgs/msg/String",
    ({ data }) => {
      try {
        chain = chainOf(data, base, tip, joints);
      } catch (thrown) {
        problem = messageOf(thrown);
        throw thrown; // the context reports it
      }
    },
    LATCHED_QOS,
  );
  context.subscribe(
    "joint_states",
    "sensor_msgs/msg/JointState",
    ({ name, position }) => {
      name.forEach((joint, i) => {
        positions.set(joint, position[i] ?? Number.NaN);
      });
    },
    SENSOR_QOS,
  );
  const isMeasured = () => joints.every((joint) => Number.isFinite(positions.get(joint)));
  return {
    summary: `servo twist ${topic}: ${tip} in ${base} by ${joints.join(", ")} of ${robot.name}`,
    get listeners() {
      return publisher.subscribers;
    },
    get fault() {
      if (chain === undefined) return problem;
      return isMeasured() ? undefined : "no joint state has come";
    },
    write(command) {
      if (chain === undefined || !isMeasured()) return;
      joints.forEach((joint, i) => {
        velocities.set(joint, command[order[i]!]!);
      });
      const { linear, angular } = chain.twist(positions, velocities);
      const vector = ([x, y, z]: readonly [number, number, number]) => ({ x, y, z });
      const twist = { linear: vector(linear), angular: vector(angular) };
      publisher.publish({ header: makeHeader(context.clock.rosNs(), base), twist });
    },
  };
}

function velocityOrder({ robot, topic, joints }: ServoOptions): readonly number[] {
  if (robot.commandInterface === "velocity") return jointOrder(robot, topic, joints);
  throw new LatentloopError(
    "ERR_INVALID_ARGUMENT",
    `Expected a robot commanded by velocity for the servo of '${topic}' but ${robot.name} takes positions.`,
    { remedy: "Use a joint group or trajectories, or give the robot's file the command interface 'velocity'." },
  );
}

/** @throws ERR_JOINT_MISSING where the description's moving joints on the way to the tip are not those of the output */
function chainOf(description: string, base: string, tip: string, joints: readonly string[]): KinematicChain {
  const chain = new KinematicChain(description, base, tip);
  const other = chain.joints.filter((name) => !joints.includes(name));
  const unused = joints.filter((name) => !chain.joints.includes(name));
  if (other.length + unused.length === 0) return chain;
  throw new LatentloopError(
    "ERR_JOINT_MISSING",
    `Expected the joints between '${base}' and '${tip}', ${chain.joints.join(", ")}, but received ${joints.join(", ")}.`,
  );
}
