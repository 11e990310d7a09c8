import { LatentloopError, messageOf } from "../core/errors.ts";
import { LATCHED_QOS, SENSOR_QOS } from "../core/node.ts";
import { SerialChain, TWIST_ROWS } from "../math/serial-chain.ts";
import { makeHeader } from "../messages/index.ts";
import { chainBetween } from "./chain-between.ts";
import { jointOrder } from "./joint-order.ts";
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
  const positions = new Float64Array(joints.length).fill(Number.NaN);
  const jacobian = new Float64Array(TWIST_ROWS * joints.length);
  let chain: SerialChain | undefined;
  let problem = "no robot_description has come";
  context.subscribe(
    "robot_description",
    "std_msgs/msg/String",
    ({ data }) => {
      try {
        chain = new SerialChain(chainBetween(data, base, tip, joints));
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
      joints.forEach((joint, i) => {
        const index = name.indexOf(joint);
        if (index >= 0) positions[i] = position[index] ?? Number.NaN;
      });
    },
    SENSOR_QOS,
  );
  const isMeasured = () => positions.every(Number.isFinite);
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
      chain.update(positions);
      chain.jacobianInto(jacobian);
      const row = (k: number): number =>
        order.reduce((sum, index, i) => sum + jacobian[k * joints.length + i]! * command[index]!, 0);
      const linear = { x: row(0), y: row(1), z: row(2) };
      const angular = { x: row(3), y: row(4), z: row(5) };
      publisher.publish({ header: makeHeader(context.clock.rosNs(), base), twist: { linear, angular } });
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
