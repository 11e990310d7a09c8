import { LatentloopError } from "../core/errors.ts";
import type { JointState, RobotModel } from "../core/robot.ts";
import type { JointState as JointStateMessage } from "./ros-messages.ts";
import { makeHeader, nsFromTime } from "./stamp.ts";

/**
 * The model's joints out of a joint state of any order, found by name; other joints in it are left aside.
 * @throws ERR_JOINT_MISSING for a joint of the model without a position or without a velocity
 */
export function jointStateFromMessage(model: RobotModel, message: JointStateMessage, arrivalNs: number): JointState {
  const positions = new Float64Array(model.joints.length);
  const velocities = new Float64Array(model.joints.length);
  model.joints.forEach(({ name }, i) => {
    const index = message.name.indexOf(name);
    if (index < 0) throw missing(name, "an entry", `only ${message.name.join(", ") || "nothing"}`);
    positions[i] = message.position[index] ?? noValue(name, "a position", message.position);
    velocities[i] = message.velocity[index] ?? noValue(name, "a velocity", message.velocity);
  });
  return { positions, velocities, stampNs: nsFromTime(message.header.stamp), arrivalNs };
}

export function jointStateToMessage(model: RobotModel, state: JointState): JointStateMessage {
  return {
    header: makeHeader(state.stampNs),
    name: model.joints.map((joint) => joint.name),
    position: state.positions,
    velocity: state.velocities,
    effort: [],
  };
}

function noValue(name: string, what: string, values: ArrayLike<number>): never {
  throw missing(name, what, `an array of ${values.length}`);
}

function missing(name: string, what: string, received: string): LatentloopError {
  return new LatentloopError(
    "ERR_JOINT_MISSING",
    `Expected ${what} for joint '${name}' in the joint state but received ${received}.`,
    { remedy: "Check the robot's joint names and that its driver publishes positions and velocities." },
  );
}
