import type { Plan } from "../../core/plan.ts";
import type { HaltCause } from "../../core/status.ts";
import type { Verdict } from "../../learning/gates/gate.ts";
import type { PolicyObserver } from "./policy-loop.ts";
import { judgeShadow, judgeWatch, SwapFigures } from "./swap-figures.ts";
import type { SwapParameters } from "./swap-parameters.ts";

/** Counts, through the phases of a swap, what the model that acts does and what the one beside it does. */
export class TrialFigures implements PolicyObserver {
  readonly #surpriseWarn: number;
  #acting: SwapFigures;
  #beside: SwapFigures;
  /** Of the model that acted before the switch. */
  #before: SwapFigures;

  /** @param surpriseWarn in the unit of the plans; Infinity where the model is not calibrated */
  constructor(surpriseWarn: number) {
    this.#surpriseWarn = surpriseWarn;
    this.#acting = this.#beside = this.#before = new SwapFigures(surpriseWarn);
  }

  /** Counts anew; what the acting model did so far becomes what the next one is held against. */
  beginPhase(): void {
    this.#before = this.#acting;
    this.#acting = new SwapFigures(this.#surpriseWarn);
    this.#beside = new SwapFigures(this.#surpriseWarn);
  }

  onPlan(plan: Plan | undefined): void {
    this.#acting.addPlan(plan);
  }

  onShadowPlan(plan: Plan | undefined, inForce: Plan | undefined): void {
    this.#beside.addPlan(plan);
    if (plan && inForce) this.#beside.addChange(plan, inForce);
  }

  onFailure(who: "live" | "shadow"): void {
    if (who === "live") this.#acting.failures++;
    else this.#beside.failures++;
  }

  onTick(limitBits: number, haltCause: HaltCause): void {
    this.#acting.addTick(limitBits, haltCause);
  }

  onReward(reward: number): void {
    this.#acting.addReward(reward);
  }

  judgeShadow(limits: SwapParameters): Verdict[] {
    return judgeShadow(this.#beside, this.#acting, limits);
  }

  judgeWatch(limits: SwapParameters): Verdict[] {
    return judgeWatch(this.#acting, this.#before, limits);
  }
}
