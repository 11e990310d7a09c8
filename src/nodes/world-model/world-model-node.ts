import { z } from "zod";
import { readRobot } from "../../config/robot-file.ts";
import type { ModelImage } from "../../core/camera.ts";
import type { Diagnosis, LifecycleNode, MessageInfo, NodeContext, Publisher } from "../../core/node.ts";
import { SENSOR_QOS } from "../../core/node.ts";
import type { Plan } from "../../core/plan.ts";
import { bindProprioception } from "../../core/proprioception.ts";
import { Rng } from "../../core/rng.ts";
import type { RobotModel } from "../../core/robot.ts";
import { InferenceEngine, type LoadedBundle } from "../../inference/inference-engine.ts";
import { inferenceParameters } from "../../inference/placement.ts";
import {
  borrowRawImage,
  jointStateFromMessage,
  type PlanMessage,
  planToMessage,
  type RosMessages,
  type TickMessage,
} from "../../messages/index.ts";
import { ExecutedActions } from "../control/executed-actions.ts";
import { meanActionInFlight } from "../control/in-flight-action.ts";
import { captureMonotonicNs } from "./capture-time.ts";
import { ObservationAssembler } from "./observation-assembler.ts";
import { PolicyStep } from "./policy-step.ts";

export const worldModelParameters = z.strictObject({
  model: z.string().meta({ description: "Folder of the bundle.", readOnly: true }),
  robot: z.string().meta({ description: "File of the robot: its joints and limits.", readOnly: true }),
  seed: z.int().default(0).meta({ description: "Seed of the planner's noise.", readOnly: true }),
  budgetShare: z
    .number()
    .gt(0)
    .max(1)
    .default(0.8)
    .describe("Share of the policy period that a step may take before it plans less."),
  pairingToleranceMs: z
    .number()
    .positive()
    .default(25)
    .meta({ description: "Longest time between the images and the joint state of one observation.", unit: "ms" }),
  commandRateHz: z
    .number()
    .positive()
    .default(100)
    .meta({ description: "Rate of the control node's commands.", unit: "Hz" }),
  inference: inferenceParameters.prefault({}),
});
export type WorldModelParameters = z.output<typeof worldModelParameters>;

/**
 * Turns observations into a belief and plans from it at the policy rate.
 *
 * Subscribes `<camera>/image_model`, `joint_states` and `control/tick` (what was executed); publishes `plan`, and `~/surprise` to be plotted.
 * A step starts with the first complete observation after it is due, so its images are as fresh as they can be.
 */
export function createWorldModel(context: NodeContext<RosMessages>, parameters: WorldModelParameters): LifecycleNode {
  let engine: InferenceEngine | undefined;
  let loop: PolicyLoop | undefined;
  return {
    async configure() {
      const robot = await readRobot(parameters.robot);
      engine = await InferenceEngine.start({ clock: context.clock, ...parameters.inference });
      const bundle = await engine.load(parameters.model);
      for (const warning of bundle.warnings) context.log.info(warning);
      for (const { graph, placement } of bundle.reports)
        context.log.info(`graph ${graph} runs on ${placement.provider}`);
      loop = new PolicyLoop(context, parameters, robot, bundle);
    },
    async activate() {
      loop?.setActive(true);
    },
    async deactivate() {
      loop?.setActive(false);
    },
    async cleanup() {
      loop?.setActive(false);
      await engine?.close();
      engine = undefined;
      loop = undefined;
    },
  };
}

class PolicyLoop {
  readonly #context: NodeContext<RosMessages>;
  readonly #publisher: Publisher<PlanMessage>;
  readonly #surprise: Publisher<{ data: number }>;
  readonly #assembler: ObservationAssembler;
  readonly #executed: ExecutedActions;
  readonly #step: PolicyStep;
  readonly #periodNs: number;
  readonly #lastAction: Float32Array;
  readonly #scratch: Float32Array;
  #plan: Plan | undefined;
  #active = false;
  #busy = false;
  #stepBeganNs = Number.NEGATIVE_INFINITY;
  #steps = 0;
  #late = 0;
  #clockJumps = 0;

  constructor(
    context: NodeContext<RosMessages>,
    parameters: WorldModelParameters,
    robot: RobotModel,
    { manifest, modelHash, graphs }: LoadedBundle,
  ) {
    const { cameras, proprioception } = manifest.observation;
    const { dimensions } = manifest.action;
    this.#context = context;
    this.#periodNs = 1e9 / manifest.policyRateHz;
    this.#lastAction = new Float32Array(dimensions.length);
    this.#scratch = new Float32Array(dimensions.length);
    // Rest is the action whose SI value is 0, or the nearest there is.
    const rest = Float32Array.from(dimensions, ({ low, high }) => {
      const zero = (-2 * low) / (high - low) - 1;
      return Math.min(1, Math.max(-1, zero));
    });
    this.#executed = new ExecutedActions(rest, 1.5e9 / parameters.commandRateHz);
    this.#assembler = new ObservationAssembler({
      cameras: cameras.map(({ name }) => name),
      proprioceptionSize: proprioception.length,
      readProprioception: bindProprioception(
        proprioception,
        robot.joints.map(({ name }) => name),
        dimensions.map(({ name }) => name),
      ),
      pairingToleranceNs: BigInt(Math.round(parameters.pairingToleranceMs * 1e6)),
    });
    this.#step = new PolicyStep({
      graphs,
      clock: context.clock,
      rng: new Rng(parameters.seed),
      modelHash,
      stepPeriodNs: this.#periodNs,
      actionDimension: dimensions.length,
      budgetShare: parameters.budgetShare,
    });
    this.#publisher = context.publisher("plan", "latentloop_msgs/msg/Plan", SENSOR_QOS);
    this.#surprise = context.publisher("~/surprise", "std_msgs/msg/Float32");
    context.subscribe(
      "joint_states",
      "sensor_msgs/msg/JointState",
      (message, info) => this.#assembler.addJointState(jointStateFromMessage(robot, message, info.receivedNs)),
      SENSOR_QOS,
    );
    context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => this.#onTick(tick));
    for (const { name } of cameras) {
      context.subscribe(
        `${name}/image_model`,
        "sensor_msgs/msg/Image",
        (message, info) => this.#onImage(name, borrowRawImage(message), info),
        SENSOR_QOS,
      );
    }
    context.diagnose("policy", () => this.#diagnosis());
  }

  setActive(active: boolean): void {
    if (active && !this.#active) this.#step.reset();
    this.#active = active;
  }

  #onTick(tick: TickMessage): void {
    this.#executed.append(tick.command_ns, tick.executed_action);
  }

  #onImage(camera: string, { width, height, data, stampNs }: Omit<ModelImage, "arrivalNs">, info: MessageInfo): void {
    this.#assembler.addImage(camera, { width, height, data: data.slice(), stampNs, arrivalNs: info.receivedNs });
    if (!this.#active || this.#busy || !this.#assembler.isComplete) return;
    // Half a frame early rather than a whole frame late: cameras and policy share no clock.
    const dueNs = this.#stepBeganNs + this.#periodNs * 0.9;
    if (info.receivedNs < dueNs) return;
    this.#busy = true;
    void this.#run(info).finally(() => {
      this.#busy = false;
    });
  }

  async #run(info: MessageInfo): Promise<void> {
    const { clock, log } = this.#context;
    const observation = this.#assembler.take((captureStampNs) => this.#actionBefore(captureStampNs, info));
    if (observation === undefined) return;
    const captureNs = captureMonotonicNs(observation.stampNs, info);
    if (captureNs === undefined) {
      this.#clockJumps++;
      return;
    }
    this.#stepBeganNs = info.receivedNs;
    try {
      const plan = await this.#step.run(observation, captureNs, (fromNs, toNs, out) =>
        meanActionInFlight(this.#executed, this.#plan, fromNs, toNs, out, this.#scratch),
      );
      this.#steps++;
      if (plan === undefined) {
        this.#late++;
        return;
      }
      this.#plan = plan;
      if (!this.#active) return;
      this.#publisher.publish(planToMessage(plan, clock));
      this.#surprise.publish({ data: plan.surprise });
    } catch (thrown) {
      log.error("A policy step failed: the robot goes on with its last plan and then halts.", {
        thrown: String(thrown),
      });
    }
  }

  /** The normalised action that was executed over the policy step before the capture. */
  #actionBefore(captureStampNs: bigint, info: MessageInfo): Float32Array {
    const captureNs = captureMonotonicNs(captureStampNs, info) ?? info.receivedNs;
    this.#executed.meanInto(captureNs - this.#periodNs, captureNs, this.#lastAction);
    return this.#lastAction;
  }

  #diagnosis(): Diagnosis {
    const values = {
      steps: this.#steps,
      late: this.#late,
      unpaired: this.#assembler.unpaired,
      clock_jumps: this.#clockJumps,
      rung: this.#plan?.rung ?? "none",
      compute_ms: Number(((this.#plan?.computeNs ?? 0) / 1e6).toFixed(2)),
      surprise: this.#plan?.surprise ?? 0,
      model: this.#plan?.modelHash ?? "none",
    };
    if (!this.#active) return { level: "ok", message: "inactive", values };
    const silentNs = this.#context.clock.monotonicNs() - this.#stepBeganNs;
    if (silentNs > 3 * this.#periodNs) return { level: "error", message: "no observations arrive", values };
    return this.#plan?.rung === "mpc" || this.#plan?.rung === "policy-prior"
      ? { level: "ok", message: "planning", values }
      : { level: "warn", message: "planning less than the model can", values };
  }
}
