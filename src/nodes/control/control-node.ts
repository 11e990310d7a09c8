import { join } from "node:path";
import { manifestSchema } from "../../config/manifest.ts";
import { readConfig } from "../../config/read-config.ts";
import { readRobot } from "../../config/robot-file.ts";
import { velocityActionSpace } from "../../core/action.ts";
import type { LatentloopError } from "../../core/errors.ts";
import {
  DEFAULT_QOS,
  type Diagnosis,
  LATCHED_QOS,
  type LifecycleNode,
  type NodeContext,
  type Publisher,
  type Qos,
  SENSOR_QOS,
  type TriggerResponse,
} from "../../core/node.ts";
import { RUNGS } from "../../core/plan.ts";
import type { RobotModel } from "../../core/robot.ts";
import { CONTROL_STATUS, type ControlStatus, HALT_CAUSES, type HaltCause } from "../../core/status.ts";
import {
  type Float64MultiArray,
  jointStateFromMessage,
  type PlanMessage,
  planFromMessage,
  type RosMessages,
  type SessionStart,
  type TickInputMessage,
  type TickMessage,
} from "../../messages/index.ts";
import { type ArmRefusal, sentenceOfRefusal } from "../../safety/index.ts";
import { SESSION_LOG_QOS, SESSION_QOS, sessionStart } from "../session/session-start.ts";
import { workerNode } from "../worker-node.ts";
import { ControlHost } from "./control-host.ts";
import { type ControlParameters, controlSetup, type FollowedPlans } from "./control-parameters.ts";
import type { ControlSetup } from "./control-setup.ts";
import { DegradeLadder } from "./degrade-ladder.ts";
import { EstopLatch } from "./estop-latch.ts";
import { diagnoseLoop, sentenceOnLoop } from "./loop-diagnosis.ts";
import type { RealTimeGrant } from "./real-time.ts";
import { isHeapRealTime, REAL_TIME_NODE_OPTIONS } from "./real-time-heap.ts";
import { tickInputToMessage, tickToMessage } from "./tick-message.ts";
import type { TickRecord } from "./tick-record.ts";

/** Only the newest command counts. */
const COMMAND_QOS: Qos = { ...DEFAULT_QOS, depth: 1 };
/** Deep enough that a press is not pushed out by the releases that wait behind it. */
const ESTOP_QOS: Qos = { ...SENSOR_QOS, depth: 100 };
const HEARTBEAT_PERIOD_MS = 50;
/** A Float64MultiArray without dimensions: 24 bytes and 8 for each joint. */
const COMMAND_BYTES = 64;

const STATUSES = Object.keys(CONTROL_STATUS) as ControlStatus[];
const CAUSES = Object.keys(HALT_CAUSES) as HaltCause[];

/**
 * Follows the newest plan with safe commands at the command rate. It is software: no certified safety function.
 *
 * Subscribes `joint_states`, `plan`, `~/estop` (true latches the emergency stop) and, with an operator's deadman, `~/heartbeat`.
 * Publishes `commands`, `~/tick`, latched `~/status` in words, and what the loop can be run again from: `~/session`, `~/tick_input`.
 * Serves `~/arm`, `~/halt` and `~/reset_estop`.
 * Deactivating brings the robot to rest first.
 */
export function createControl(context: NodeContext<RosMessages>, parameters: ControlParameters): LifecycleNode {
  return workerNode(async () => {
    const robot = await readRobot(parameters.robot);
    const plans = await plansOf(parameters, robot);
    return new ControlNode(context, controlSetup(parameters, robot, plans), parameters);
  });
}

async function plansOf({ model, policyRateHz }: ControlParameters, robot: RobotModel): Promise<FollowedPlans> {
  if (model !== undefined) return readConfig(manifestSchema, join(model, "manifest.json"));
  return { action: velocityActionSpace(robot), policyRateHz, surpriseLimit: null };
}

/** What joins the control thread to topics and services. */
export class ControlNode {
  readonly #context: NodeContext<RosMessages>;
  readonly #setup: ControlSetup;
  readonly #planFromOtherHost: boolean;
  readonly #commands: Publisher<Float64MultiArray>;
  /** The thread publishes there itself; undefined where commands go through this event loop. */
  readonly #commandRing: SharedArrayBuffer | undefined;
  readonly #ticks: Publisher<TickMessage>;
  readonly #sessions: Publisher<SessionStart>;
  readonly #tickInputs: Publisher<TickInputMessage>;
  readonly #statuses: Publisher<{ data: string }>;
  readonly #estop = new EstopLatch();
  #ladder = new DegradeLadder();
  #host: ControlHost | undefined;
  #grant: RealTimeGrant | undefined;
  #failure: LatentloopError | undefined;
  #error: LatentloopError | undefined;
  #status: ControlStatus = "disarmed";
  #cause: HaltCause = "none";
  #said = "";

  constructor(
    context: NodeContext<RosMessages>,
    setup: ControlSetup,
    { deadman, planFromOtherHost }: Pick<ControlParameters, "deadman" | "planFromOtherHost">,
  ) {
    const { robot } = setup.safety;
    this.#context = context;
    this.#setup = setup;
    this.#planFromOtherHost = planFromOtherHost;
    this.#makeHost(0n); // refuses limits and actions that make no loop before anything is published
    this.#commands = context.publisher("commands", "std_msgs/msg/Float64MultiArray", COMMAND_QOS);
    this.#commandRing = this.#commands.shareRing?.(COMMAND_BYTES + 8 * robot.joints.length);
    this.#ticks = context.publisher("~/tick", "latentloop_msgs/msg/Tick", SESSION_LOG_QOS);
    this.#sessions = context.publisher("~/session", "latentloop_msgs/msg/SessionStart", SESSION_QOS);
    this.#tickInputs = context.publisher("~/tick_input", "latentloop_msgs/msg/TickInput", SESSION_LOG_QOS);
    this.#statuses = context.publisher("~/status", "std_msgs/msg/String", LATCHED_QOS);
    this.#say("inactive");

    context.subscribe(
      "joint_states",
      "sensor_msgs/msg/JointState",
      (message, { receivedNs }) => this.#host?.writeJointState(jointStateFromMessage(robot, message, receivedNs)),
      SENSOR_QOS,
    );
    context.subscribe("plan", "latentloop_msgs/msg/Plan", (message, { receivedNs }) =>
      this.#follow(message, receivedNs),
    );
    // Latched, for a button that was pressed before we came; and as plain as can be, which hears every other one at once.
    for (const qos of [LATCHED_QOS, ESTOP_QOS]) {
      context.subscribe("~/estop", "std_msgs/msg/Bool", ({ data }) => this.#setEstop(data), qos);
    }
    if (deadman === "process") context.every(HEARTBEAT_PERIOD_MS, () => this.#host?.beat());
    else context.subscribe("~/heartbeat", "std_msgs/msg/Bool", ({ data }) => data && this.#host?.beat());
    context.serve("~/arm", async () => this.#answer(await this.#host?.arm(), "armed: the robot follows the plans"));
    context.serve("~/reset_estop", async () =>
      this.#answer(this.#host && (await this.#estop.reset(this.#host)), "the emergency stop is reset: arm to go on"),
    );
    context.serve("~/halt", () => this.#halt(), { evenLate: true }); // it is never too late to come to rest
    context.diagnose("control loop", () => this.#diagnosis());
    context.diagnose("degrade ladder", () => this.#ladderDiagnosis());
  }

  async begin(): Promise<void> {
    if (this.#host !== undefined) return;
    const start = sessionStart("control", this.#setup, this.#context.clock);
    this.#sessions.publish(start);
    const host = this.#makeHost(start.session);
    this.#host = host; // before it runs, so that deactivating in the middle finds it
    this.#estop.show(host);
    this.#failure = undefined;
    this.#error = undefined;
    this.#ladder = new DegradeLadder();
    this.#grant = await host.start();
    for (const refusal of this.#grant.refusals) {
      this.#context.log.warn(`The control loop has no real-time priority and may be late: ${refusal}.`);
    }
    if (this.#grant.priority > 0 && !isHeapRealTime()) {
      this.#context.log.info(
        `On a busy machine the control loop may wait for V8's helper threads: give its node a process of its own, or start Node with ${REAL_TIME_NODE_OPTIONS.join(" ")}.`,
      );
    }
  }

  /** Brings the robot to rest, then ends the thread. */
  async end(): Promise<void> {
    const host = this.#host;
    this.#host = undefined;
    const summary = await host?.stop();
    if (summary) this.#context.log.info(sentenceOnLoop(summary));
    this.#say("inactive");
  }

  #makeHost(session: bigint): ControlHost {
    const onCommand = (data: Float64Array): void =>
      this.#commands.publish({ layout: { dim: [], data_offset: 0 }, data });
    return new ControlHost({
      setup: this.#setup,
      clock: this.#context.clock,
      ...(this.#commandRing === undefined ? { onCommand } : { commandRing: this.#commandRing }),
      onTick: (record) => this.#onTick(record, session),
      onError: (error) => {
        this.#error = error;
        this.#context.log.error([error.message, error.remedy ?? ""].join(" ").trimEnd(), { code: error.code });
      },
      onFailure: (error) => {
        this.#failure = error;
        this.#say(`failed: ${error.message}`);
        this.#context.log.error(error.message, { code: error.code });
      },
    });
  }

  #follow(message: PlanMessage, receivedNs: number): void {
    const host = this.#host;
    if (host === undefined) return;
    try {
      host.writePlan(planFromMessage(message, this.#planFromOtherHost ? this.#context.clock : undefined), receivedNs);
    } catch (thrown) {
      host.refusePlan();
      throw thrown; // the context reports it
    }
  }

  #onTick(record: TickRecord, session: bigint): void {
    this.#ticks.publish(tickToMessage(record, this.#context.clock));
    this.#tickInputs.publish(tickInputToMessage(record, session, this.#context.clock));
    this.#status = STATUSES[record.get("status")]!;
    this.#cause = CAUSES[record.get("haltCause")]!;
    if (this.#host !== undefined) this.#say(this.#cause === "none" ? this.#status : `${this.#status}: ${this.#cause}`);
    const step = this.#ladder.observe(RUNGS[record.get("rung")]!, this.#cause);
    if (step?.rung === "hold") {
      const asked = this.#cause === "operator" || this.#cause === "shutdown";
      this.#context.log[asked ? "info" : "warn"](`The robot halts: ${HALT_CAUSES[this.#cause]}.`);
    }
  }

  #setEstop(pressed: boolean): void {
    this.#estop.set(pressed);
    this.#host?.setEstop(pressed);
  }

  /** What the robot does, for people, when it changes. */
  #say(status: string): void {
    if (status === this.#said) return;
    this.#said = status;
    this.#statuses.publish({ data: status });
  }

  #halt(): TriggerResponse {
    if (this.#host === undefined) return refused("inactive");
    if (this.#failure !== undefined) return { success: false, message: `refused: ${this.#failure.message}` };
    this.#host.halt("operator");
    return { success: true, message: "halting: arm to go on" };
  }

  #answer(refusal: ArmRefusal = "inactive", granted: string): TriggerResponse {
    return refusal === "none" ? { success: true, message: granted } : refused(refusal);
  }

  #diagnosis(): Diagnosis {
    return diagnoseLoop({
      host: this.#host,
      failure: this.#failure,
      error: this.#error,
      status: this.#status,
      cause: this.#cause,
      rateHz: this.#setup.safety.commandRateHz,
      priority: this.#grant?.priority ?? 0,
    });
  }

  #ladderDiagnosis(): Diagnosis {
    return { level: "ok", message: this.#ladder.rung, values: this.#ladder.counts };
  }
}

function refused(refusal: ArmRefusal): TriggerResponse {
  return { success: false, message: `refused: ${sentenceOfRefusal(refusal)} (${refusal})` };
}
