import { z } from "zod";

export const DEVICE_KINDS = ["keyboard", "gamepad", "joy", "leader", "twist"] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

const deviceParameters = z.strictObject({
  kind: z
    .enum(DEVICE_KINDS)
    .describe("Keys of a terminal; a gamepad of this machine; or the topics `joy`, `leader/joint_states`, `twist`."),
  mapping: z
    .string()
    .optional()
    .describe("File that says what the device moves; by default the one of its kind in launch/teleop."),
  path: z.string().default("/dev/input/js0").describe("Device file of a gamepad."),
});

export const teleopParameters = z.strictObject({
  robot: z.string().meta({ description: "File of the robot: its joints and limits.", readOnly: true }),
  model: z
    .string()
    .optional()
    .meta({ description: "Folder of the bundle whose actions the control node takes, if it has one.", readOnly: true }),
  device: deviceParameters.meta({ readOnly: true }),
  kinematics: z
    .strictObject({
      urdf: z.string().describe("File with the robot's description."),
      tip: z.string().describe("The link that the human moves."),
    })
    .optional()
    .meta({ description: "What is needed to move the tool, not only joints.", readOnly: true }),
  rateHz: z
    .number()
    .min(10)
    .max(200)
    .default(50)
    .meta({ description: "Plans per second while a human is in charge.", unit: "Hz", readOnly: true }),
  policy: z
    .boolean()
    .default(true)
    .meta({ description: "Whether a policy sends plans on `plan`; it then begins in charge.", readOnly: true }),
  takeOver: z
    .enum(["request", "deadman"])
    .default("request")
    .describe("What takes the robot from the policy: `~/take_over`, or the held deadman as well."),
  release: z
    .enum(["hold", "hand-back"])
    .default("hold")
    .describe("After the deadman is released: the robot rests in the human's hands, or the policy gets it back."),
  handOverMs: z
    .number()
    .positive()
    .default(500)
    .meta({ description: "How long the policy's plans fade in when it gets the robot back.", unit: "ms" }),
});
export type TeleopParameters = z.output<typeof teleopParameters>;
