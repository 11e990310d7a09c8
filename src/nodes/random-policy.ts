import { z } from "zod";
import { readRobot } from "../config/robot-file.ts";
import { type LifecycleNode, type NodeContext, SENSOR_QOS } from "../core/node.ts";
import { Rng } from "../core/rng.ts";
import type { JointState } from "../core/robot.ts";
import { jointStateFromMessage, planToMessage, type RosMessages } from "../messages/index.ts";
import { randomPolicy } from "../sim/random-policy.ts";

export const randomPolicyParameters = z.strictObject({
  robot: z.string().meta({ description: "File of the robot: its joints and limits.", readOnly: true }),
  rateHz: z
    .number()
    .min(1)
    .max(50)
    .default(10)
    .meta({ description: "Plans per second; an action holds for about three.", unit: "Hz", readOnly: true }),
  speedShare: z.number().gt(0).max(1).default(0.5).describe("Highest speed, as a share of each joint's limit."),
  seed: z.int().default(0).meta({ description: "Seed of the motions.", readOnly: true }),
});
export type RandomPolicyParameters = z.output<typeof randomPolicyParameters>;

/** A plan reaches two steps ahead, so that the next one may be late. */
const HORIZON = 2;

/** Publishes random joint velocities as `plan`, for a control node without a bundle. The gate keeps the robot in its limits. */
export function createRandomPolicy(
  context: NodeContext<RosMessages>,
  { robot: file, rateHz, speedShare, seed }: RandomPolicyParameters,
): LifecycleNode {
  const { clock } = context;
  let isActive = false;
  let newest: JointState | undefined;
  return {
    async configure() {
      const robot = await readRobot(file);
      const width = robot.joints.length;
      const draw = randomPolicy(new Rng(seed), width);
      const action = new Float32Array(width);
      const plans = context.publisher("plan", "latentloop_msgs/msg/Plan", SENSOR_QOS);
      let id = 0;
      context.subscribe(
        "joint_states",
        "sensor_msgs/msg/JointState",
        (message, { receivedNs }) => {
          newest = jointStateFromMessage(robot, message, receivedNs);
        },
        SENSOR_QOS,
      );
      context.every(1e3 / rateHz, () => {
        if (!isActive || newest === undefined) return;
        draw(action);
        const actions = new Float32Array(HORIZON * width);
        for (let i = 0; i < actions.length; i++) actions[i] = speedShare * action[i % width]!;
        const plan = {
          id: ++id,
          actions,
          horizon: HORIZON,
          actionDimension: width,
          startNs: clock.monotonicNs(),
          stepPeriodNs: 1e9 / rateHz,
          observationStampNs: newest.stampNs,
          observationArrivalNs: newest.arrivalNs,
          modelHash: "",
          rung: "policy-prior",
          value: Number.NaN,
          surprise: 0,
          delayNs: 0,
          computeNs: 0,
        } as const;
        plans.publish(planToMessage(plan, clock));
      });
    },
    async activate() {
      isActive = true;
    },
    async deactivate() {
      isActive = false;
    },
    async cleanup() {
      newest = undefined;
    },
  };
}
