import type { ActionSpace } from "../../core/action.ts";
import { HUMAN_PLANS, type Plan } from "../../core/plan.ts";
import type { RobotModel } from "../../core/robot.ts";
import { smoothStep } from "../../math/smooth-step.ts";
import type { ExecutedMotion } from "./executed-motion.ts";
import { HumanPlan } from "./human-plan.ts";
import { VelocityRamp } from "./velocity-ramp.ts";

export type InCharge = "policy" | "human";

export interface HandOverOptions {
  readonly robot: RobotModel;
  readonly actionSpace: ActionSpace;
  /** Rate of the human's plans. */
  readonly rateHz: number;
  /** How long the policy's plans fade in when it gets the robot back. */
  readonly handOverMs: number;
  readonly startsWith: InCharge;
}

/** A policy whose newest plan is older than this cannot take the robot. */
const POLICY_SILENT_NS = 1e9;

/**
 * Which plan goes out: the policy's or the human's, and how one becomes the other.
 *
 * A human takes over at the velocity that the robot has, and goes on from it within the ramp of a hand; the rung of a human's
 * plans is `teleop`. The policy gets the robot back from the action in force: its plans fade in over `handOverMs`, and until
 * its first one comes the human's go on.
 */
export class HandOver {
  readonly #motion: ExecutedMotion;
  readonly #options: HandOverOptions;
  readonly #ramp: VelocityRamp;
  readonly #plan: HumanPlan;
  #inCharge: InCharge;
  /** The human has let go; the policy's next plan takes the robot. */
  #isReturning = false;
  #fadeFrom: Float32Array | undefined;
  #fadeBeganNs = Number.NEGATIVE_INFINITY;
  #policyPlanNs = Number.NEGATIVE_INFINITY;
  /** Start of the newest plan that went out: the control loop follows none that begins earlier. */
  #startNs = Number.NEGATIVE_INFINITY;
  #lastHumanNs = Number.NaN;
  #ownPlans = HUMAN_PLANS;

  constructor(motion: ExecutedMotion, options: HandOverOptions) {
    const { robot, actionSpace, rateHz, startsWith } = options;
    this.#motion = motion;
    this.#options = options;
    this.#ramp = new VelocityRamp(robot);
    this.#plan = new HumanPlan(actionSpace, robot, rateHz);
    this.#inCharge = startsWith;
  }

  get inCharge(): InCharge {
    return this.#inCharge;
  }

  get isReturning(): boolean {
    return this.#isReturning;
  }

  /** Joint velocities that the human's plans have come to. Units: rad/s */
  get borrowVelocities(): Float64Array {
    return this.#ramp.velocities;
  }

  takeOver(): void {
    this.#isReturning = false;
    if (this.#inCharge === "human") return;
    this.#inCharge = "human";
    this.#fadeFrom = undefined;
    this.#lastHumanNs = Number.NaN;
    this.#ramp.start(this.#motion.velocities);
    this.#plan.start();
  }

  /** False if there is no policy that sends plans. */
  handBack(nowNs: number): boolean {
    if (this.#inCharge === "policy") return true;
    this.#isReturning = nowNs - this.#policyPlanNs < POLICY_SILENT_NS;
    return this.#isReturning;
  }

  /** The policy's plan as it goes out; undefined while the human is in charge. */
  forward(plan: Plan, nowNs: number): Plan | undefined {
    this.#policyPlanNs = nowNs;
    if (this.#isReturning) {
      this.#isReturning = false;
      this.#inCharge = "policy";
      this.#fadeFrom = this.#motion.action.slice();
      this.#fadeBeganNs = nowNs;
    }
    if (this.#inCharge === "human") return undefined;
    const startNs = Math.max(plan.startNs, this.#startNs);
    this.#startNs = startNs;
    const moved = startNs === plan.startNs ? plan : { ...plan, startNs, id: ++this.#ownPlans };
    return this.#fadeFrom === undefined ? moved : this.#fadeIn(moved, this.#fadeFrom, nowNs);
  }

  /** The human's next plan. Units: rad/s. Shapes: wanted [J] */
  humanPlan(wanted: ArrayLike<number>, nowNs: number): Plan {
    const passedS = Number.isNaN(this.#lastHumanNs) ? 0 : (nowNs - this.#lastHumanNs) / 1e9;
    this.#lastHumanNs = nowNs;
    this.#ramp.step(wanted, passedS);
    this.#plan.fill(this.#ramp, wanted, this.#motion.positions, passedS);
    this.#startNs = Math.max(nowNs, this.#startNs);
    return {
      id: ++this.#ownPlans,
      actions: this.#plan.actions,
      horizon: this.#plan.horizon,
      actionDimension: this.#motion.action.length,
      startNs: this.#startNs,
      stepPeriodNs: this.#plan.stepPeriodNs,
      observationStampNs: this.#motion.jointStateStampNs,
      observationArrivalNs: this.#motion.jointStateNs,
      modelHash: "",
      rung: "teleop",
      value: Number.NaN,
      surprise: 0,
      delayNs: 0,
      computeNs: 0,
    };
  }

  #fadeIn(plan: Plan, from: Float32Array, nowNs: number): Plan {
    const { actionDimension, horizon, startNs, stepPeriodNs } = plan;
    const fadeNs = this.#options.handOverMs * 1e6;
    if (nowNs - this.#fadeBeganNs >= fadeNs) {
      this.#fadeFrom = undefined;
      return plan;
    }
    const actions = plan.actions.slice();
    for (let step = 0; step < horizon; step++) {
      const share = smoothStep((startNs + (step + 0.5) * stepPeriodNs - this.#fadeBeganNs) / fadeNs);
      for (let i = 0; i < actionDimension; i++) {
        const at = step * actionDimension + i;
        actions[at] = from[i]! + share * (actions[at]! - from[i]!);
      }
    }
    return { ...plan, id: ++this.#ownPlans, actions };
  }
}
