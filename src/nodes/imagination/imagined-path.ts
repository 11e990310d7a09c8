import { type ActionSpace, denormalizeAction } from "../../core/action.ts";
import type { Plan } from "../../core/plan.ts";
import type { RobotModel } from "../../core/robot.ts";
import { quaternionOf } from "../../math/quaternion.ts";
import type { SerialChain } from "../../math/serial-chain.ts";
import { makeHeader, type Path } from "../../messages/index.ts";

/**
 * Where a plan takes the robot's tip if every action is done in full: one pose for each step, from where the joints are now.
 * Actions in rad/s or m/s are held for a step, those in rad or m are reached within one.
 *
 * @param startStampNs when the plan's first step begins, ROS clock
 * @param positions of the robot's joints; left as they are
 */
export function imaginedPath(
  {
    actions,
    horizon,
    actionDimension,
    stepPeriodNs,
  }: Pick<Plan, "actions" | "horizon" | "actionDimension" | "stepPeriodNs">,
  { space, robot, chain, frame }: { space: ActionSpace; robot: RobotModel; chain: SerialChain; frame: string },
  positions: ArrayLike<number>,
  startStampNs: bigint,
): Path {
  const joints = Float64Array.from(positions);
  const values = new Float32Array(actionDimension);
  const poses = Array.from({ length: horizon }, (_, step) => {
    denormalizeAction(space, actions.subarray(step * actionDimension, (step + 1) * actionDimension), values);
    space.dimensions.forEach(({ name, unit }, i) => {
      const index = robot.joints.findIndex((joint) => joint.name === name);
      if (index < 0) return;
      const { lower, upper } = robot.joints[index]!.limits;
      const isSpeed = unit === "rad/s" || unit === "m/s";
      const target = isSpeed ? joints[index]! + (values[i]! * stepPeriodNs) / 1e9 : values[i]!;
      joints[index] = Math.min(upper, Math.max(lower, target));
    });
    chain.update(joints);
    const [px, py, pz] = chain.tip;
    const [x, y, z, w] = quaternionOf(chain.rotation);
    return {
      header: makeHeader(startStampNs + BigInt(Math.round((step + 1) * stepPeriodNs)), frame),
      pose: { position: { x: px!, y: py!, z: pz! }, orientation: { x, y, z, w } },
    };
  });
  return { header: makeHeader(startStampNs, frame), poses };
}
