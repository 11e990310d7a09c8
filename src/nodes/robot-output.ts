import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { readRobot } from "../config/robot-file.ts";
import { LatentloopError } from "../core/errors.ts";
import type { Diagnosis, LifecycleNode, NodeContext } from "../core/node.ts";
import { RateMeter } from "../core/rate-meter.ts";
import type { Float64MultiArray, RosMessages } from "../messages/index.ts";
import { COMMAND_QOS, ROBOT_OUTPUTS, type RobotOutput, type RobotOutputKind, SilenceBrake } from "../robots/index.ts";

const outputSchema = z.strictObject({
  kind: z
    .enum(Object.keys(ROBOT_OUTPUTS) as [RobotOutputKind, ...RobotOutputKind[]])
    .describe("What the controller takes: all joints' values at once, trajectories, or what its name says."),
  topic: z.string().min(1).describe("Topic of the controller; the action of a gripper."),
  joints: z.array(z.string()).min(1).describe("Its joints in its own order, as its parameter 'joints' says."),
  base: z.string().default("base_link").describe("Servo: link in whose frame it is commanded."),
  tip: z.string().default("tool0").describe("Servo by twists: link that the twist moves."),
  maxEffort: z.number().min(0).default(0).describe("Gripper: highest effort; 0 leaves it to the gripper."),
  goalTolerance: z
    .number()
    .positive()
    .default(0.002)
    .describe("Gripper: change of the commanded opening that is worth a new goal."),
});

/** So many command periods without a command, and the control node has ended. */
const PAUSE_PERIODS = 5;
const BRAKING_MARGIN_MS = 500;

export const robotOutputParameters = z.strictObject({
  robot: z.string().meta({ description: "File of the robot: its joints and limits.", readOnly: true }),
  commandRateHz: z
    .number()
    .positive()
    .default(100)
    .meta({ description: "Rate of the control node's commands.", unit: "Hz", readOnly: true }),
  leadPeriods: z
    .number()
    .min(1)
    .default(3)
    .describe("Trajectories: command periods until the robot is to be where a command puts it."),
  outputs: z
    .array(outputSchema)
    .min(1)
    .meta({ description: "The robot's controllers, arm and gripper.", readOnly: true }),
});
export type RobotOutputParameters = z.output<typeof robotOutputParameters>;

/**
 * Takes safe commands to the robot's controllers: `commands` in, one topic for each controller out. A robot whose one controller
 * takes the robot's joints in order as positions needs no such node: `commands` is remapped to it. With velocities this node is
 * what brings the robot to rest when the control node ends while it moves.
 */
export function createRobotOutput(
  context: NodeContext<RosMessages>,
  { robot: file, outputs: wanted, ...options }: RobotOutputParameters,
): LifecycleNode {
  let outputs: RobotOutput[] = [];
  let isActive = false;
  let written = 0;
  const rate = new RateMeter(context.clock);
  let lastNs = Number.NEGATIVE_INFINITY;
  let brakingMs = 0;
  let brake: SilenceBrake | undefined;
  const pauseNs = (PAUSE_PERIODS * 1e9) / options.commandRateHz;

  const brakeInSilence = (): void => {
    const wasBraking = brake?.isBraking;
    const velocities = brake?.tick(context.clock.monotonicNs());
    if (velocities === undefined) return;
    if (!wasBraking) context.log.error("The commands ended while the robot moved: it is braked to rest.");
    for (const output of outputs) output.write(velocities);
  };
  /** For as long as the robot may need to come to rest. */
  const until = async (condition: () => boolean): Promise<void> => {
    const endNs = context.clock.monotonicNs() + (brakingMs + BRAKING_MARGIN_MS) * 1e6 + pauseNs;
    while (!condition() && context.clock.monotonicNs() < endNs) await sleep(5);
  };
  return {
    async configure() {
      const robot = await readRobot(file);
      outputs = wanted.map(({ kind, ...output }) => ROBOT_OUTPUTS[kind]({ context, robot, ...output, ...options }));
      for (const { summary } of outputs) context.log.info(summary);
      const size = robot.joints.length;
      brakingMs = 1e3 * Math.max(...robot.joints.map(({ limits }) => limits.velocity / limits.acceleration));
      if (robot.commandInterface === "velocity") {
        brake = new SilenceBrake(robot, options.commandRateHz, pauseNs);
        context.every(1e3 / options.commandRateHz, brakeInSilence);
      }
      const receive = ({ data }: Float64MultiArray): void => {
        if (!isActive) return;
        if (data.length !== size) {
          throw new LatentloopError(
            "ERR_ACTION_MISMATCH",
            `Expected commands for the ${size} joints of ${robot.name} but received ${data.length} values.`,
          );
        }
        lastNs = context.clock.monotonicNs();
        const command = brake?.pass(data, lastNs) ?? data;
        for (const output of outputs) output.write(command);
        written++;
        rate.count();
      };
      context.subscribe("commands", "std_msgs/msg/Float64MultiArray", receive, COMMAND_QOS);
      context.diagnose("robot output", () =>
        diagnosisOf(outputs, isActive, { commands: written, rate_hz: rate.report() }),
      );
    },
    async activate() {
      isActive = true;
    },
    async deactivate() {
      // A signal to all nodes comes here while the control node still brakes: cut off, the robot would stop with a jerk.
      await until(() => context.clock.monotonicNs() - lastNs > pauseNs);
      isActive = false;
      await until(() => brake?.isAtRest ?? true);
    },
    async cleanup() {
      outputs = [];
    },
  };
}

function diagnosisOf(outputs: readonly RobotOutput[], isActive: boolean, values: Diagnosis["values"]): Diagnosis {
  const fault = outputs.find((output) => output.fault !== undefined);
  if (fault) return { level: "error", message: `${fault.fault}: ${fault.summary}`, values };
  const unheard = outputs.filter(({ listeners }) => listeners === 0).map(({ summary }) => summary);
  if (unheard.length === 0) return { level: "ok", message: isActive ? "passing commands on" : "inactive", values };
  return { level: "error", message: `no controller listens, is it active? ${unheard.join("; ")}`, values };
}
