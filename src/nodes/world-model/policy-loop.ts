import { setTimeout as delay } from "node:timers/promises";
import { LatentloopError } from "../../core/errors.ts";
import type { Diagnosis, MessageInfo, NodeContext, Publisher } from "../../core/node.ts";
import { SENSOR_QOS } from "../../core/node.ts";
import type { Plan } from "../../core/plan.ts";
import { RateMeter } from "../../core/rate-meter.ts";
import { type PlanMessage, planToMessage, type RosMessages } from "../../messages/index.ts";
import type { ActingModel } from "./acting-model.ts";
import { type IntakeOptions, ObservationIntake } from "./observation-intake.ts";
import type { MeanAction } from "./policy-step.ts";
import type { Seen } from "./recent-observations.ts";
import { Revival } from "./revival.ts";
import { StepHealth } from "./step-health.ts";

/** Who wants to know how the steps go. A plan is undefined when it was late. */
export interface PolicyObserver {
  onPlan(plan: Plan | undefined): void;
  /** @param inForce what the live model planned from the same observation */
  onShadowPlan(plan: Plan | undefined, inForce: Plan | undefined): void;
  onFailure(who: "live" | "shadow", thrown: unknown): void;
}

/** Nothing for so many policy periods is no jitter any more. */
const SILENT_PERIODS = 3;

/**
 * Steps the live model at the policy rate, and beside it a shadow whose plans nobody follows.
 *
 * A step starts with the first complete observation after it is due, so its images are as fresh as they can be. The shadow
 * sees the same observations after the live model's plan is out, and starts its search from the same plan. The two change
 * places between two steps of both, so that no step is missed. A live model whose inference thread ends gets another.
 */
export class PolicyLoop {
  readonly #context: NodeContext<RosMessages>;
  readonly #publisher: Publisher<PlanMessage>;
  readonly #surprise: Publisher<{ data: number }>;
  readonly #intake: ObservationIntake;
  readonly #rate: RateMeter;
  readonly #health: StepHealth;
  readonly #revival: Revival;
  readonly #periodNs: number;
  readonly #meanAction: MeanAction = (fromNs, toNs, out) => this.#intake.meanActionInto(this.#plan, fromNs, toNs, out);
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

  constructor(context: NodeContext<RosMessages>, live: ActingModel, options: IntakeOptions) {
    const { manifest } = live.bundle;
    this.#context = context;
    this.#live = live;
    this.#rate = new RateMeter(context.clock);
    this.#health = new StepHealth(context.log);
    this.#revival = new Revival({ clock: context.clock, log: context.log, wait: delay });
    this.#periodNs = 1e9 / manifest.policyRateHz;
    this.#publisher = context.publisher("plan", "latentloop_msgs/msg/Plan", SENSOR_QOS);
    this.#surprise = context.publisher("~/surprise", "std_msgs/msg/Float32");
    this.#intake = new ObservationIntake(context, manifest, options, (info) => this.#onObservation(info));
    context.diagnose("policy", () => this.#diagnosis());
  }

  get live(): ActingModel {
    return this.#live;
  }

  get shadow(): ActingModel | undefined {
    return this.#shadow;
  }

  /** The plan in force. */
  get plan(): Plan | undefined {
    return this.#active ? this.#plan : undefined;
  }

  /** Whether a step of the live model runs: its belief changes then. */
  get isBusy(): boolean {
    return this.#busy;
  }

  watch(observer: PolicyObserver): void {
    this.#observer = observer;
  }

  setActive(active: boolean): void {
    if (active && !this.#active) {
      this.#live.begin();
      this.#shadow?.begin();
      this.#plan = undefined;
      this.#health.reset();
      this.#intake.recent.clear();
    }
    this.#active = active;
  }

  /** Gives a model a belief from the last observations, then lets it run as the shadow. */
  async attachShadow(model: ActingModel): Promise<void> {
    const { recent } = this.#intake;
    model.begin();
    this.#shadowSawNs = Number.NEGATIVE_INFINITY;
    for (let seen = recent.after(this.#shadowSawNs); seen; seen = recent.after(this.#shadowSawNs)) {
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

  #onObservation(info: MessageInfo): void {
    if (!this.#active || this.#busy) return;
    // Half a frame early rather than a whole frame late: cameras and policy share no clock.
    const dueNs = this.#stepBeganNs + this.#periodNs * 0.9;
    if (info.receivedNs < dueNs) return;
    const seen = this.#intake.take(info);
    if (seen === undefined) return;
    this.#stepBeganNs = info.receivedNs;
    void this.#run(seen);
  }

  async #run(seen: Seen): Promise<void> {
    const live = this.#live;
    const before = this.#plan;
    let plan: Plan | undefined;
    this.#busy = true;
    try {
      plan = await live.step.run(seen.observation, seen.captureNs, this.#meanAction);
      this.#steps++;
      if (plan === undefined) this.#late++;
      else this.#follow(plan);
      this.#observer?.onPlan(plan);
      await live.step.reflect(seen.observation);
      if (plan === undefined) this.#health.onLate();
      else this.#health.onSuccess();
    } catch (thrown) {
      this.#health.onFailure(thrown);
      this.#observer?.onFailure("live", thrown);
      if (thrown instanceof LatentloopError && thrown.code === "ERR_INFERENCE_LOST") void this.#revive(live);
    } finally {
      this.#busy = false;
    }
    if (this.#shadow && !this.#shadowBusy && seen.captureNs > this.#shadowSawNs) {
      this.#shadowRun = this.#runShadow(this.#shadow, seen, before, plan);
    }
  }

  async #revive(model: ActingModel): Promise<void> {
    const isBack = await this.#revival.revive(model);
    if (isBack && this.#plan) model.step.continueFrom(this.#plan);
  }

  #follow(plan: Plan): void {
    this.#plan = plan;
    if (!this.#active) return;
    this.#publisher.publish(planToMessage(plan, this.#context.clock));
    this.#rate.count();
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
      await shadow.step.reflect(observation);
    } catch (thrown) {
      this.#observer?.onFailure("shadow", thrown);
    } finally {
      this.#shadowBusy = false;
    }
    this.#exchangeNow();
  }

  #diagnosis(): Diagnosis {
    const values = {
      rate_hz: this.#rate.report(),
      steps: this.#steps,
      late: this.#late,
      ...this.#intake.counts,
      rung: this.#plan?.rung ?? "none",
      compute_ms: Number(((this.#plan?.computeNs ?? 0) / 1e6).toFixed(2)),
      delay_ms: Number(((this.#plan?.delayNs ?? 0) / 1e6).toFixed(2)),
      surprise: this.#plan?.surprise ?? 0,
      model: this.#live.bundle.modelHash,
      shadow: this.#shadow?.bundle.modelHash ?? "none",
    };
    if (!this.#active) return { level: "ok", message: "inactive", values };
    const wrong = this.#whatIsWrong();
    if (wrong !== undefined) return { level: "error", message: wrong, values };
    return this.#plan?.rung === "mpc" || this.#plan?.rung === "policy-prior"
      ? { level: "ok", message: "planning", values }
      : { level: "warn", message: "planning less than the model can", values };
  }
  #whatIsWrong(): string | undefined {
    const { failure, lateInARow } = this.#health;
    const silentNs = this.#context.clock.monotonicNs() - this.#stepBeganNs;
    if (silentNs > SILENT_PERIODS * this.#periodNs) {
      return this.#busy
        ? `a policy step began ${(silentNs / 1e9).toFixed(1)} s ago and has not ended`
        : "no observations arrive";
    }
    if (failure !== undefined) return `the last policy step failed: ${failure}`;
    return lateInARow >= SILENT_PERIODS ? `the last ${lateInARow} plans were too late` : undefined;
  }
}
