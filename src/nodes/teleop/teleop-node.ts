import { join } from "node:path";
import { manifestSchema } from "../../config/manifest.ts";
import { readConfig } from "../../config/read-config.ts";
import { readRobot } from "../../config/robot-file.ts";
import { type ActionSpace, velocityActionSpace } from "../../core/action.ts";
import {
  type Diagnosis,
  LATCHED_QOS,
  type LifecycleNode,
  type NodeContext,
  type Publisher,
  SENSOR_QOS,
  type TriggerResponse,
} from "../../core/node.ts";
import { type Plan, RUNGS } from "../../core/plan.ts";
import type { RobotModel } from "../../core/robot.ts";
import {
  jointStateFromMessage,
  type PlanMessage,
  planFromMessage,
  planToMessage,
  type RosMessages,
  type TickMessage,
} from "../../messages/index.ts";
import { LatencyHistogram } from "../control/latency-histogram.ts";
import { ExecutedMotion } from "./executed-motion.ts";
import { HandOver } from "./hand-over.ts";
import type { HumanDevice, HumanState } from "./human-device.ts";
import type { Word } from "./mapping.ts";
import { openDevice } from "./open-device.ts";
import type { TeleopParameters } from "./teleop-parameters.ts";

/** Inputs that come faster than this wait for the next turn. */
const SHORTEST_TURN_NS = 4e6;
const TELEOP = RUNGS.indexOf("teleop");

/**
 * A human beside or instead of a policy: the control node follows what this node lets through, and its gate has the last word.
 *
 * Subscribes `plan` (the policy's), `joint_states`, `control/tick` and the device's topic; publishes `~/plan`, which the control
 * node takes for `plan`, `~/state` (latched: "policy", "human", or "human: <what is wrong>") and `~/word` (a gamepad's buttons
 * for the episode). Serves `~/take_over` and `~/hand_back`. A human who lets go brings the robot smoothly to rest.
 */
export function createTeleop(context: NodeContext<RosMessages>, parameters: TeleopParameters): LifecycleNode {
  let teleop: TeleopNode | undefined;
  return {
    async configure() {
      const robot = await readRobot(parameters.robot);
      const { model } = parameters;
      const space =
        model === undefined
          ? velocityActionSpace(robot)
          : (await readConfig(manifestSchema, join(model, "manifest.json"))).action;
      const node = new TeleopNode(context, robot, space, parameters);
      node.use(await openDevice(context, robot, parameters, node));
      teleop = node;
    },
    async activate() {
      teleop?.setActive(true);
    },
    async deactivate() {
      teleop?.setActive(false);
    },
    async cleanup() {
      teleop?.close();
      teleop = undefined;
    },
  };
}

class TeleopNode {
  readonly #context: NodeContext<RosMessages>;
  readonly #parameters: TeleopParameters;
  readonly #motion: ExecutedMotion;
  readonly #handOver: HandOver;
  readonly #plans: Publisher<PlanMessage>;
  readonly #states: Publisher<{ data: string }>;
  readonly #words: Publisher<{ data: string }>;
  readonly #wanted: Float64Array;
  readonly #latency = new LatencyHistogram();
  #device: HumanDevice | undefined;
  #isActive = false;
  #isHeld = false;
  #trouble = "";
  #saidState = "";
  #turnNs = Number.NEGATIVE_INFINITY;
  /** The plan that was the first to know of an input. */
  #answer: { readonly planId: bigint; readonly inputNs: number } | undefined;
  #answeredInputNs = Number.NaN;

  constructor(
    context: NodeContext<RosMessages>,
    robot: RobotModel,
    actionSpace: ActionSpace,
    parameters: TeleopParameters,
  ) {
    const { policy, rateHz, handOverMs } = parameters;
    this.#context = context;
    this.#parameters = parameters;
    this.#wanted = new Float64Array(robot.joints.length);
    this.#motion = new ExecutedMotion(robot, actionSpace.dimensions.length);
    const startsWith = policy ? "policy" : "human";
    this.#handOver = new HandOver(this.#motion, { robot, actionSpace, rateHz, handOverMs, startsWith });
    this.#plans = context.publisher("~/plan", "latentloop_msgs/msg/Plan", SENSOR_QOS);
    this.#states = context.publisher("~/state", "std_msgs/msg/String", LATCHED_QOS);
    this.#words = context.publisher("~/word", "std_msgs/msg/String");
    context.subscribe(
      "joint_states",
      "sensor_msgs/msg/JointState",
      (message, { receivedNs }) => this.#motion.addJointState(jointStateFromMessage(robot, message, receivedNs)),
      SENSOR_QOS,
    );
    context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => this.#onTick(tick));
    if (policy) {
      context.subscribe("plan", "latentloop_msgs/msg/Plan", (message) => this.#forward(planFromMessage(message)));
    }
    context.serve("~/take_over", () => this.#takeOver());
    context.serve("~/hand_back", () => this.#handBack());
    context.every(1e3 / rateHz, () => this.#turn());
    context.diagnose("teleoperation", () => this.#diagnosis());
  }

  use(device: HumanDevice): void {
    this.#device = device;
  }

  setActive(isActive: boolean): void {
    this.#isActive = isActive;
    if (isActive) this.#say();
  }

  close(): void {
    this.#isActive = false;
    this.#device?.close();
  }

  onInput(): void {
    if (this.#context.clock.monotonicNs() - this.#turnNs > SHORTEST_TURN_NS) this.#turn();
  }

  onWord(word: Word): void {
    if (word !== "take-over") this.#words.publish({ data: word });
    else if (this.#handOver.inCharge === "human") this.#handBack();
    else this.#takeOver();
  }

  /** Looks at the device; while the human is in charge, sends the next plan. */
  #turn(): void {
    const device = this.#device;
    if (!this.#isActive || device === undefined || !this.#motion.isKnown) return;
    const nowNs = this.#context.clock.monotonicNs();
    this.#turnNs = nowNs;
    this.#heed(device.read(nowNs, this.#motion.positions, this.#wanted));
    if (this.#isHeld && this.#handOver.inCharge === "policy" && this.#parameters.takeOver === "deadman")
      this.#takeOver();
    if (this.#handOver.inCharge === "policy") return;
    if (!this.#isHeld) this.#wanted.fill(0);
    const plan = this.#handOver.humanPlan(this.#wanted, nowNs);
    this.#plans.publish(planToMessage(plan, this.#context.clock));
    if (device.inputNs > this.#answeredInputNs || Number.isNaN(this.#answeredInputNs)) {
      this.#answeredInputNs = device.inputNs;
      this.#answer ??= { planId: BigInt(plan.id), inputNs: device.inputNs };
    }
    this.#handBackOnRelease(nowNs);
  }

  #heed(state: HumanState): void {
    const trouble = typeof state === "object" ? state.trouble : "";
    const wasHeld = this.#isHeld;
    this.#isHeld = state === "held";
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (trouble !== "") {
      const moving = wasHeld && this.#handOver.inCharge === "human";
      this.#context.log.warn(
        moving ? `The robot comes to rest: ${trouble}.` : `Nobody can drive the robot: ${trouble}.`,
      );
    }
    this.#say();
  }

  #handBackOnRelease(nowNs: number): void {
    const { release, policy } = this.#parameters;
    const mayReturn = policy && release === "hand-back" && !this.#isHeld && !this.#handOver.isReturning;
    if (mayReturn && this.#handOver.borrowVelocities.every((velocity) => velocity === 0))
      this.#handOver.handBack(nowNs);
  }

  #takeOver(): TriggerResponse {
    this.#handOver.takeOver();
    this.#device?.engage(this.#context.clock.monotonicNs());
    this.#say();
    return { success: true, message: "the human is in charge" };
  }

  #handBack(): TriggerResponse {
    if (!this.#parameters.policy) return { success: false, message: "no policy takes part" };
    const isDone = this.#handOver.handBack(this.#context.clock.monotonicNs());
    if (!isDone) return { success: false, message: "the policy sends no plans" };
    return { success: true, message: "the policy gets the robot with its next plan" };
  }

  #forward(plan: Plan): void {
    if (!this.#isActive) return;
    const out = this.#handOver.forward(plan, this.#context.clock.monotonicNs());
    this.#say();
    if (out !== undefined) this.#plans.publish(planToMessage(out, this.#context.clock));
  }

  #onTick(tick: TickMessage): void {
    this.#motion.addTick(tick);
    if (tick.rung !== TELEOP) this.#answer = undefined; // no command came of that input
    if (this.#answer === undefined || tick.plan_id < this.#answer.planId) return;
    this.#latency.record(tick.command_ns - this.#answer.inputNs);
    this.#answer = undefined;
  }

  #say(): void {
    const { inCharge } = this.#handOver;
    const state = inCharge === "policy" || this.#trouble === "" ? inCharge : `${inCharge}: ${this.#trouble}`;
    if (state === this.#saidState) return;
    this.#saidState = state;
    this.#states.publish({ data: state });
  }

  #diagnosis(): Diagnosis {
    const values = {
      in_charge: this.#handOver.inCharge,
      device: this.#parameters.device.kind,
      held: this.#isHeld ? 1 : 0,
      input_to_command_p50_ms: this.#latencyMs(0.5),
      input_to_command_p99_ms: this.#latencyMs(0.99),
      inputs: this.#latency.count,
    };
    if (this.#trouble !== "" && this.#handOver.inCharge === "human")
      return { level: "error", message: this.#trouble, values };
    return { level: "ok", message: `${this.#handOver.inCharge} in charge`, values };
  }

  #latencyMs(share: number): string {
    return (this.#latency.quantileNs(share) / 1e6).toFixed(2);
  }
}
