import type { ModelImage } from "../../core/camera.ts";
import type { Diagnosis, MessageInfo, NodeContext, Publisher } from "../../core/node.ts";
import { SENSOR_QOS } from "../../core/node.ts";
import type { Plan } from "../../core/plan.ts";
import { bindProprioception } from "../../core/proprioception.ts";
import type { RobotModel } from "../../core/robot.ts";
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
import type { ActingModel } from "./acting-model.ts";
import { captureMonotonicNs } from "./capture-time.ts";
import { ObservationAssembler } from "./observation-assembler.ts";
import type { MeanAction } from "./policy-step.ts";
import { RecentObservations, type Seen } from "./recent-observations.ts";

export interface PolicyLoopOptions {
  readonly robot: RobotModel;
  readonly pairingToleranceMs: number;
  readonly commandRateHz: number;
  /** Observations that another model's belief is estimated from before it takes over. */
  readonly beliefObservations: number;
}

/** Who wants to know how the steps go. A plan is undefined when it was late. */
export interface PolicyObserver {
  onPlan(plan: Plan | undefined): void;
  /** @param inForce what the live model planned from the same observation */
  onShadowPlan(plan: Plan | undefined, inForce: Plan | undefined): void;
  onFailure(who: "live" | "shadow", thrown: unknown): void;
}

/**
 * Steps the live model at the policy rate, and beside it a shadow whose plans nobody follows.
 *
 * A step starts with the first complete observation after it is due, so its images are as fresh as they can be. The shadow
 * sees the same observations after the live model's plan is out, and starts its search from the same plan. The two change
 * places between two steps of both, so that no step is missed.
 */
export class PolicyLoop {
  readonly #context: NodeContext<RosMessages>;
  readonly #publisher: Publisher<PlanMessage>;
  readonly #surprise: Publisher<{ data: number }>;
  readonly #assembler: ObservationAssembler;
  readonly #executed: ExecutedActions;
  readonly #recent: RecentObservations;
  readonly #periodNs: number;
  readonly #lastAction: Float32Array;
  readonly #scratch: Float32Array;
  readonly #meanAction: MeanAction = (fromNs, toNs, out) =>
    meanActionInFlight(this.#executed, this.#plan, fromNs, toNs, out, this.#scratch);
  #live: ActingModel;
  #shadow: ActingModel | undefined;
  #observer: PolicyObserver | undefined;
  #exchange: (() => void) | undefined;
  #plan: Plan | undefined;
  #active = false;
  #busy = false;
  #shadowBusy = false;
  #shadowRun: Promise<void> = Promise.resolve();
  /** Capture of the newest observation that the shadow knows. */
  #shadowSawNs = Number.NEGATIVE_INFINITY;
  #stepBeganNs = Number.NEGATIVE_INFINITY;
  #steps = 0;
  #late = 0;
  #clockJumps = 0;

  constructor(context: NodeContext<RosMessages>, live: ActingModel, options: PolicyLoopOptions) {
    const { robot, pairingToleranceMs, commandRateHz, beliefObservations } = options;
    const { observation, action, policyRateHz } = live.bundle.manifest;
    const { cameras, proprioception } = observation;
    const { dimensions } = action;
    this.#context = context;
    this.#live = live;
    this.#periodNs = 1e9 / policyRateHz;
    this.#lastAction = new Float32Array(dimensions.length);
    this.#scratch = new Float32Array(dimensions.length);
    this.#recent = new RecentObservations(beliefObservations);
    // Rest is the action whose SI value is 0, or the nearest there is.
    const rest = Float32Array.from(dimensions, ({ low, high }) => {
      const zero = (-2 * low) / (high - low) - 1;
      return Math.min(1, Math.max(-1, zero));
    });
    this.#executed = new ExecutedActions(rest, 1.5e9 / commandRateHz);
    this.#assembler = new ObservationAssembler({
      cameras: cameras.map(({ name }) => name),
      proprioceptionSize: proprioception.length,
      readProprioception: bindProprioception(
        proprioception,
        robot.joints.map(({ name }) => name),
        dimensions.map(({ name }) => name),
      ),
      pairingToleranceNs: BigInt(Math.round(pairingToleranceMs * 1e6)),
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

  get live(): ActingModel {
    return this.#live;
  }

  get shadow(): ActingModel | undefined {
    return this.#shadow;
  }

  watch(observer: PolicyObserver): void {
    this.#observer = observer;
  }

  setActive(active: boolean): void {
    if (active && !this.#active) {
      this.#live.step.reset();
      this.#shadow?.step.reset();
      this.#recent.clear();
    }
    this.#active = active;
  }

  /** Gives a model a belief from the last observations, then lets it run as the shadow. */
  async attachShadow(model: ActingModel): Promise<void> {
    model.step.reset();
    this.#shadowSawNs = Number.NEGATIVE_INFINITY;
    for (let seen = this.#recent.after(this.#shadowSawNs); seen; seen = this.#recent.after(this.#shadowSawNs)) {
      await model.step.believe(seen.observation, seen.captureNs, this.#meanAction);
      this.#shadowSawNs = seen.captureNs;
    }
    this.#shadow = model;
  }

  /** From now on nothing runs beside the live model. Waits for the shadow's last step, so that it may be closed. */
  async detachShadow(): Promise<ActingModel | undefined> {
    const model = this.#shadow;
    this.#shadow = undefined;
    await this.#shadowRun;
    return model;
  }

  /** Live model and shadow change places between two steps; resolves when they have. */
  exchange(): Promise<void> {
    return new Promise((resolve) => {
      this.#exchange = resolve;
      this.#exchangeNow();
    });
  }

  #exchangeNow(): void {
    if (this.#exchange === undefined || this.#shadow === undefined || this.#busy || this.#shadowBusy) return;
    [this.#live, this.#shadow] = [this.#shadow, this.#live];
    if (this.#plan) this.#live.step.continueFrom(this.#plan);
    this.#exchange();
    this.#exchange = undefined;
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
    const seen = this.#observe(info);
    if (seen !== undefined) void this.#run(seen);
  }

  #observe(info: MessageInfo): Seen | undefined {
    const observation = this.#assembler.take((captureStampNs) => this.#actionBefore(captureStampNs, info));
    if (observation === undefined) return undefined;
    const captureNs = captureMonotonicNs(observation.stampNs, info);
    if (captureNs === undefined) {
      this.#clockJumps++;
      return undefined;
    }
    this.#stepBeganNs = info.receivedNs;
    return this.#recent.add(observation, captureNs);
  }

  async #run(seen: Seen): Promise<void> {
    const { log } = this.#context;
    const before = this.#plan;
    let plan: Plan | undefined;
    this.#busy = true;
    try {
      plan = await this.#live.step.run(seen.observation, seen.captureNs, this.#meanAction);
      this.#steps++;
      if (plan === undefined) this.#late++;
      else this.#follow(plan);
      this.#observer?.onPlan(plan);
    } catch (thrown) {
      log.error("A policy step failed: the robot goes on with its last plan and then halts.", {
        thrown: String(thrown),
      });
      this.#observer?.onFailure("live", thrown);
    } finally {
      this.#busy = false;
    }
    if (this.#shadow && !this.#shadowBusy && seen.captureNs > this.#shadowSawNs) {
      this.#shadowRun = this.#runShadow(this.#shadow, seen, before, plan);
    }
  }

  #follow(plan: Plan): void {
    this.#plan = plan;
    if (!this.#active) return;
    this.#publisher.publish(planToMessage(plan, this.#context.clock));
    this.#surprise.publish({ data: plan.surprise });
  }

  async #runShadow(
    shadow: ActingModel,
    { observation, captureNs }: Seen,
    before: Plan | undefined,
    inForce: Plan | undefined,
  ): Promise<void> {
    this.#shadowBusy = true;
    this.#shadowSawNs = captureNs;
    try {
      if (before) shadow.step.continueFrom(before);
      this.#observer?.onShadowPlan(await shadow.step.run(observation, captureNs, this.#meanAction), inForce);
    } catch (thrown) {
      this.#observer?.onFailure("shadow", thrown);
    } finally {
      this.#shadowBusy = false;
    }
    this.#exchangeNow();
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
      model: this.#live.bundle.modelHash,
      shadow: this.#shadow?.bundle.modelHash ?? "none",
    };
    if (!this.#active) return { level: "ok", message: "inactive", values };
    const silentNs = this.#context.clock.monotonicNs() - this.#stepBeganNs;
    if (silentNs > 3 * this.#periodNs) return { level: "error", message: "no observations arrive", values };
    return this.#plan?.rung === "mpc" || this.#plan?.rung === "policy-prior"
      ? { level: "ok", message: "planning", values }
      : { level: "warn", message: "planning less than the model can", values };
  }
}
