import { z } from "zod";
import type { RobotModel } from "../core/robot.ts";
import { readConfig } from "./read-config.ts";

const limits = z
  .strictObject({
    lower: z
      .number()
      .default(Number.NEGATIVE_INFINITY)
      .meta({ description: "Lowest position; without it the joint turns on.", unit: "rad" }),
    upper: z
      .number()
      .default(Number.POSITIVE_INFINITY)
      .meta({ description: "Highest position; without it the joint turns on.", unit: "rad" }),
    velocity: z.number().positive().meta({ description: "Highest speed.", unit: "rad/s" }),
    acceleration: z
      .number()
      .positive()
      .meta({ description: "Highest acceleration, also when braking.", unit: "rad/s²" }),
  })
  .refine(({ lower, upper }) => lower < upper, { path: ["upper"], message: "Expected a number above 'lower'" });

/** `calibration/robots/<id>.yaml`: the joints of one robot, in the order of its controller, with their limits. */
export const robotSchema: z.ZodType<RobotModel> = z.strictObject({
  name: z.string().min(1).describe("Name of the robot."),
  commandInterface: z.enum(["position", "velocity"]).describe("What its ros2_control controller takes."),
  joints: z
    .array(z.strictObject({ name: z.string().min(1).describe("Name as in its joint states."), limits }))
    .min(1)
    .refine(
      (joints) => new Set(joints.map(({ name }) => name)).size === joints.length,
      "Expected every joint only once",
    ),
});

/** @throws those of `readConfig` */
export function readRobot(file: string): Promise<RobotModel> {
  return readConfig(robotSchema, file);
}
