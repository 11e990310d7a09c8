import type { Plan } from "../../core/plan.ts";
import { smoothStep } from "../../math/smooth-step.ts";

/** What the follower needs of a plan; `actions` may be longer than horizon · actionDimension. */
export type FollowedPlan = Pick<
  Plan,
  "actions" | "horizon" | "actionDimension" | "startNs" | "stepPeriodNs" | "observationArrivalNs" | "surprise"
>;

/** A plan may begin this many steps after it arrives: more says that its clock is not ours. */
const MAX_LEAD_STEPS = 4;

/**
 * Turns plans at the policy rate into one action per tick.
 *
 * Between steps it interpolates linearly from the middle of one to the middle of the next, so that each step keeps its
 * mean but for an eighth of its neighbours' difference. When a plan replaces another, the difference at that moment
 * fades out along a smooth step: the action itself never jumps.
 *
 * Timing: safe in the control loop; plans are copied into memory that was allocated before.
 */
export class PlanFollower {
  startNs = Number.NaN;
  endNs = Number.NaN;
  /** The action of the last `sample`: normalised, [A]. */
  readonly action: Float32Array;
  readonly #blendNs: number;
  readonly #actions: Float32Array;
  readonly #offset: Float32Array;
  #horizon = 0;
  #stepPeriodNs = 1;
  /** When the newest plan was first followed; NaN between its adoption and that. */
  #blendFromNs = Number.NEGATIVE_INFINITY;
  #hasSampled = false;

  constructor(actionDimension: number, maxHorizon: number, blendNs: number) {
    this.action = new Float32Array(actionDimension);
    this.#offset = new Float32Array(actionDimension);
    this.#actions = new Float32Array(actionDimension * maxHorizon);
    this.#blendNs = blendNs;
  }

  /**
   * Follows this plan from now on, unless it is malformed, begins before the one being followed, is over, or begins too far
   * in the future. Says whether it does.
   *
   * @param continues it begins as the one before goes on, as a human's do, of which many come a second: nothing has to fade
   *   but what still fades
   */
  adopt(plan: FollowedPlan, nowNs: number, continues = false): boolean {
    const { horizon, startNs, stepPeriodNs } = plan;
    const count = horizon * plan.actionDimension;
    if (plan.actionDimension !== this.action.length || !(horizon >= 1 && count <= this.#actions.length)) return false;
    if (!(stepPeriodNs > 0 && nowNs < startNs + horizon * stepPeriodNs)) return false;
    if (!(startNs - nowNs <= MAX_LEAD_STEPS * stepPeriodNs) || startNs < this.startNs) return false;
    for (let i = 0; i < count; i++) if (!Number.isFinite(plan.actions[i]!)) return false;

    for (let i = 0; i < count; i++) this.#actions[i] = clampUnit(plan.actions[i]!);
    this.#horizon = horizon;
    this.#stepPeriodNs = stepPeriodNs;
    this.startNs = startNs;
    this.endNs = startNs + horizon * stepPeriodNs;
    if (!continues) this.#blendFromNs = Number.NaN;
    return true;
  }

  /** Writes the action for this moment to `action`; after the plan's end it stays at its last step. False without a plan. */
  sample(nowNs: number): boolean {
    if (this.#horizon === 0) return false;
    if (Number.isNaN(this.#blendFromNs)) this.#beginBlend(nowNs);
    const remaining = 1 - smoothStep((nowNs - this.#blendFromNs) / this.#blendNs);
    for (let i = 0; i < this.action.length; i++) {
      this.action[i] = clampUnit(this.#planned(nowNs, i) + remaining * this.#offset[i]!);
    }
    this.#hasSampled = true;
    return true;
  }

  #beginBlend(nowNs: number): void {
    this.#blendFromNs = nowNs;
    for (let i = 0; i < this.action.length; i++) {
      this.#offset[i] = this.#hasSampled ? this.action[i]! - this.#planned(nowNs, i) : 0;
    }
  }

  #planned(nowNs: number, dimension: number): number {
    const middle = (nowNs - this.startNs) / this.#stepPeriodNs - 0.5;
    const last = this.#horizon - 1;
    const step = Math.min(Math.max(Math.floor(middle), 0), last);
    const share = Math.min(Math.max(middle - step, 0), 1);
    const width = this.action.length;
    const here = this.#actions[step * width + dimension]!;
    const next = this.#actions[Math.min(step + 1, last) * width + dimension]!;
    return here + share * (next - here);
  }
}

function clampUnit(value: number): number {
  return Math.min(Math.max(value, -1), 1);
}
