import { LatentloopError } from "../core/errors.ts";
import type { RobotModel } from "../core/robot.ts";

/**
 * Where in a command of the robot each of a controller's joints lies. Joints are matched by name, never by index.
 * @throws ERR_JOINT_MISSING for a joint that the robot does not have, or that is named twice
 */
export function jointOrder(robot: RobotModel, controller: string, joints: readonly string[]): readonly number[] {
  const known = robot.joints.map(({ name }) => name);
  return joints.map((joint, i) => {
    const index = known.indexOf(joint);
    if (index >= 0 && joints.indexOf(joint) === i) return index;
    const received = index < 0 ? `'${joint}'` : `'${joint}' twice`;
    throw new LatentloopError(
      "ERR_JOINT_MISSING",
      `Expected joints of ${robot.name} (${known.join(", ")}) for '${controller}' but received ${received}.`,
      { remedy: "Compare the controller's parameter 'joints' with the robot's file." },
    );
  });
}
