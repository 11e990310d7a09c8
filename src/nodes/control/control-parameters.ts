import { z } from "zod";
import type { Manifest } from "../../config/manifest.ts";
import type { ActionSpace } from "../../core/action.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { RobotModel } from "../../core/robot.ts";
import { surpriseWarnOf } from "../../core/surprise.ts";
import { SAFETY_DEFAULTS, SURPRISE_ACTIONS } from "../../safety/index.ts";
import type { ControlSetup, WorkspaceSetup } from "./control-setup.ts";

const milliseconds = (description: string) => z.number().positive().meta({ description, unit: "ms" });
const share = (description: string) => z.number().gt(0).max(1).meta({ description });
const metres = z.tuple([z.number(), z.number(), z.number()]);

const safetyParameters = z.strictObject({
  maxJointStateAgeMs: milliseconds("Age of the joint state at which the robot halts.").default(
    SAFETY_DEFAULTS.maxJointStateAgeMs,
  ),
  maxObservationAgeMs: milliseconds("Age of the observation behind the plan at which the robot halts.").default(800),
  maxHeartbeatAgeMs: milliseconds("Time without a heartbeat after which the robot halts.").default(
    SAFETY_DEFAULTS.maxHeartbeatAgeMs,
  ),
  maxTickGapMs: milliseconds("Longest time between two ticks that is no clock jump.").default(
    SAFETY_DEFAULTS.maxTickGapMs,
  ),
  softStartMs: milliseconds("How long the velocity limit takes to rise after arming.").default(
    SAFETY_DEFAULTS.softStartMs,
  ),
  softStartScale: share("Share of the velocity limit right after arming.").default(SAFETY_DEFAULTS.softStartScale),
  surpriseScale: share("Share of the velocity limit while the model is surprised.").default(
    SAFETY_DEFAULTS.surpriseScale,
  ),
  surpriseAction: z
    .enum(SURPRISE_ACTIONS)
    .default("ask")
    .describe(
      "What surprise above its limit does: `slow` no more than above the warning, `hold` halts until it is over, `ask` halts until somebody arms again.",
    ),
  restVelocity: z
    .number()
    .positive()
    .default(SAFETY_DEFAULTS.restVelocity)
    .meta({ description: "Measured speed up to which a joint counts as at rest.", unit: "rad/s" }),
  anchorTolerance: z
    .number()
    .positive()
    .default(SAFETY_DEFAULTS.anchorTolerance)
    .meta({ description: "Sag up to which arming continues from the last command.", unit: "rad" }),
  maxLead: z
    .number()
    .positive()
    .default(SAFETY_DEFAULTS.maxLead)
    .meta({ description: "How far a commanded position may run ahead of the measured one.", unit: "rad" }),
  maxTrackingError: z
    .number()
    .positive()
    .default(SAFETY_DEFAULTS.maxTrackingError)
    .meta({ description: "Distance from its command at which a position-controlled robot halts.", unit: "rad" }),
});

const workspaceParameters = z.strictObject({
  lower: metres.meta({ description: "Lowest x, y and z.", unit: "m" }),
  upper: metres.meta({ description: "Highest x, y and z.", unit: "m" }),
  urdf: z.string().optional().describe("File of the robot's description: says where its links are."),
  links: z.array(z.string()).default([]).describe("Links that must stay in the box."),
  kinematics: z
    .strictObject({
      module: z.string().describe("Module that exports createKinematics(options), as a URL."),
      options: z.json().default(null).describe("What it is called with."),
    })
    .optional()
    .meta({ description: "Instead of a description: a module that says where the robot's points are." }),
});

export const controlParameters = z.strictObject({
  model: z.string().optional().meta({
    description: "Folder of the bundle whose plans are followed; without one, actions are the joints' velocities.",
    readOnly: true,
  }),
  robot: z.string().meta({ description: "File of the robot: its joints and limits.", readOnly: true }),
  commandRateHz: z
    .number()
    .min(10)
    .max(1000)
    .default(100)
    .meta({ description: "Rate at which commands leave.", unit: "Hz", readOnly: true }),
  priority: z.int().min(0).max(98).default(40).meta({
    description: "SCHED_FIFO priority of the loop's thread where it is permitted, 0 for none.",
    readOnly: true,
  }),
  policyRateHz: z
    .number()
    .min(1)
    .max(100)
    .default(20)
    .meta({ description: "Rate at which plans come, where no bundle says it.", unit: "Hz", readOnly: true }),
  maxHorizon: z
    .int()
    .positive()
    .default(64)
    .meta({ description: "Longest plan that is accepted, in steps.", readOnly: true }),
  planFromOtherHost: z
    .boolean()
    .default(false)
    .meta({ description: "Carry the times of plans over by the ROS clock, which both hosts must share." }),
  blendMs: milliseconds("How long the difference between an old and a new plan fades out.").default(50),
  allowedMisses: z
    .int()
    .min(0)
    .default(3)
    .describe("Plans that may fail to come, one after the other, before the robot halts."),
  surpriseWarnShare: share(
    "Share of the bundle's surprise limit above which the robot slows down; by default the bundle says where, or a half.",
  ).optional(),
  deadman: z
    .enum(["process", "operator"])
    .default("process")
    .describe("Whose heartbeat keeps the robot moving: this node's own event loop, or `~/heartbeat` of an operator."),
  safety: safetyParameters.prefault({}),
  workspace: workspaceParameters
    .optional()
    .meta({ description: "Box that the robot's points must not leave.", readOnly: true }),
});
export type ControlParameters = z.output<typeof controlParameters>;

/** A plan is late half a period after it was due, and missed a whole one. */
const LATE_PERIODS = 1.5;

/** What the loop must know of the plans that it follows; a bundle's manifest says it. */
export interface FollowedPlans extends Pick<Manifest, "policyRateHz" | "surpriseLimit" | "surpriseWarn"> {
  readonly action: ActionSpace;
}

/** @throws ERR_INVALID_ARGUMENT for a workspace that says neither or both ways where the robot is */
function workspaceSetup(
  { lower, upper, urdf, links, kinematics }: NonNullable<ControlParameters["workspace"]>,
  { joints }: RobotModel,
): WorkspaceSetup {
  const hasLinks = urdf !== undefined && links.length > 0;
  if (hasLinks === (kinematics !== undefined)) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      "Expected a workspace with 'urdf' and 'links', or with 'kinematics', to know where the robot is.",
    );
  }
  if (kinematics !== undefined) return { lower, upper, kinematics };
  const module = new URL("./urdf-kinematics.js", import.meta.url).href;
  return { lower, upper, kinematics: { module, options: { urdf, links, joints: joints.map(({ name }) => name) } } };
}

/** The loop for this robot and this model. */
export function controlSetup(parameters: ControlParameters, robot: RobotModel, manifest: FollowedPlans): ControlSetup {
  const { commandRateHz, priority, maxHorizon, blendMs, allowedMisses, surpriseWarnShare, workspace } = parameters;
  const { action, policyRateHz, surpriseLimit } = manifest;
  const planPeriodMs = 1e3 / policyRateHz;
  const surpriseError = surpriseLimit ?? SAFETY_DEFAULTS.surpriseError;
  return {
    safety: {
      ...parameters.safety,
      robot,
      commandRateHz,
      maxPlanAgeMs: (LATE_PERIODS + allowedMisses) * planPeriodMs,
      latePlanMs: LATE_PERIODS * planPeriodMs,
      surpriseError,
      surpriseWarn: surpriseWarnShare === undefined ? surpriseWarnOf(manifest) : surpriseWarnShare * surpriseError,
    },
    ...(workspace === undefined ? {} : { workspace: workspaceSetup(workspace, robot) }),
    actionSpace: action,
    maxHorizon,
    blendMs,
    priority,
  };
}
