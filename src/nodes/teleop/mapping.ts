import { join } from "node:path";
import { z } from "zod";
import { root } from "../../config/package-root.ts";
import { readConfig } from "../../config/read-config.ts";

const share = z.number().min(-1).max(1);
const target = z
  .string()
  .min(1)
  .describe("x, y, z, roll, pitch or yaw of the tool; a joint's name; or '#1', '#2', … by the robot's order.");

const speeds = z
  .strictObject({
    linear: z.number().positive().default(0.15).meta({ description: "Full speed of the tool.", unit: "m/s" }),
    angular: z.number().positive().default(0.6).meta({ description: "Full turn of the tool.", unit: "rad/s" }),
    joint: z.number().gt(0).max(1).default(0.4).describe("Full speed of a joint, as a share of its limit."),
  })
  .prefault({});

const frame = z.enum(["base", "tool"]).default("base").describe("Whose axes x, y and z are.");

const keyboardMapping = z.strictObject({
  device: z.literal("keyboard"),
  speeds,
  frame,
  tapMs: z.number().positive().default(200).meta({ description: "How long a key counts after one press.", unit: "ms" }),
  repeatMs: z
    .number()
    .positive()
    .default(200)
    .meta({ description: "How long it counts after the terminal repeated it.", unit: "ms" }),
  keys: z.record(z.string(), z.record(target, share)).describe("Key → what it moves, as shares of full speed."),
});

/** What a button can say besides moving something. */
export const WORDS = ["begin", "success", "failure", "redo", "take-over", "stop"] as const;
export type Word = (typeof WORDS)[number];

const joyMapping = z.strictObject({
  device: z.literal("joy").describe("A gamepad, read directly or from a topic: both count axes and buttons alike."),
  speeds,
  frame,
  deadman: z.int().min(0).describe("Button that must be held for anything to move."),
  deadzone: z.number().min(0).max(0.9).default(0.1).describe("Share of an axis around its middle that is rest."),
  axes: z
    .array(z.strictObject({ axis: z.int().min(0), moves: target, by: share.default(1) }))
    .default([])
    .describe("Axes as ROS counts them: up and left are positive."),
  buttons: z
    .array(z.strictObject({ button: z.int().min(0), moves: target, by: share.default(1) }))
    .default([])
    .describe("Buttons that move something while they are held."),
  words: z
    .array(z.strictObject({ button: z.int().min(0), says: z.enum(WORDS) }))
    .default([])
    .describe("Buttons for the episode and for who is in charge."),
});

const leaderMapping = z.strictObject({
  device: z.literal("leader"),
  joints: z
    .record(
      z.string(),
      z.strictObject({
        leader: z.string().describe("Joint of the leader."),
        scale: z
          .number()
          .refine((value) => value !== 0, "Expected another number than 0")
          .default(1),
        offset: z.number().default(0).meta({ unit: "rad" }),
      }),
    )
    .default({})
    .describe(
      "Joint of the robot → joint of the leader; position = scale · leader + offset. Empty: all by the same name.",
    ),
  gain: z.number().positive().default(6).meta({ description: "Speed per distance from the leader.", unit: "1/s" }),
  approachSpeed: z
    .number()
    .positive()
    .default(0.3)
    .meta({ description: "Speed until the robot has come to the leader.", unit: "rad/s" }),
  tolerance: z
    .number()
    .positive()
    .default(0.05)
    .meta({ description: "Distance at which it has come to the leader.", unit: "rad" }),
  refuseBeyond: z
    .number()
    .positive()
    .default(1)
    .meta({ description: "Distance from the leader beyond which the robot does not move.", unit: "rad" }),
});

const twistMapping = z.strictObject({
  device: z.literal("twist"),
  frame,
  axes: z
    .array(z.enum(["x", "y", "z", "roll", "pitch", "yaw"]))
    .min(1)
    .default(["x", "y", "z", "roll", "pitch", "yaw"])
    .describe("Axes that are held to the twist; an arm of five joints or fewer cannot hold all."),
});

/** One file says what a device moves: `launch/teleop/*.yaml`, or your own. */
export const mappingSchema = z.discriminatedUnion("device", [keyboardMapping, joyMapping, leaderMapping, twistMapping]);
export type Mapping = z.output<typeof mappingSchema>;
export type KeyboardMapping = z.output<typeof keyboardMapping>;
export type JoyMapping = z.output<typeof joyMapping>;
export type LeaderMapping = z.output<typeof leaderMapping>;
export type TwistMapping = z.output<typeof twistMapping>;

/** Where the mapping of a device lies unless another file is named. */
export function defaultMapping(device: Mapping["device"], hasTool: boolean): string {
  const name = device === "joy" ? `gamepad-${hasTool ? "tool" : "joints"}` : device;
  return join(root, "launch", "teleop", `${name}.yaml`);
}

/** @throws those of `readConfig` */
export function readMapping(file: string): Promise<Mapping> {
  return readConfig(mappingSchema, file);
}
