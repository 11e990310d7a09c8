import type { Plan } from "../../core/plan.ts";
import type { ControlStatus, HaltCause } from "../../core/status.ts";
import type { Verdict } from "../../learning/gates/gate.ts";
import { LimitedShare } from "./limited-share.ts";
import type { PolicyObserver } from "./policy-loop.ts";
import { judgeShadow, judgeWatch, SwapFigures } from "./swap-figures.ts";
import type { SwapParameters } from "./swap-parameters.ts";

/** Counts, through the phases of a swap, what the model that acts does and what the one beside it does. */
export class TrialFigures implements PolicyObserver {
  readonly #surpriseWarn: number;
  readonly #parameters: SwapParameters;
  readonly #commandRateHz: number;
  #acting: SwapFigures;
  #beside: SwapFigures;
  /** Of the model that acted before the switch. */
  #before: SwapFigures;

  /** @param surpriseWarn in the unit of the plans; Infinity where the model is not calibrated */
  constructor(surpriseWarn: number, parameters: SwapParameters, commandRateHz: number) {
    this.#surpriseWarn = surpriseWarn;
    this.#parameters = parameters;
    this.#commandRateHz = commandRateHz;
    this.#acting = this.#beside = this.#before = this.#countAnew();
  }

  /** A candidate runs beside the model that goes on acting. */
  beginShadow(): void {
    this.#acting = this.#countAnew(this.#acting.limited);
    this.#beside = this.#countAnew();
  }

  /** Another model acts from now on: it is held against what the one before it did. */
  beginWatch(): void {
    this.#before = this.#acting;
    this.#acting = this.#countAnew();
    this.#beside = this.#countAnew();
  }

  /** The model before the last switch acts again. */
  goBack(): void {
    this.#acting = this.#countAnew(this.#before.limited);
    this.#before = this.#countAnew();
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

  onTick(status: ControlStatus, limitBits: number, haltCause: HaltCause): void {
    this.#acting.addTick(status, limitBits, haltCause);
  }

  onReward(reward: number): void {
    this.#acting.addReward(reward);
  }

  /** For how long the robot has followed the model that acts, in this phase. Units: s */
  get followedSeconds(): number {
    return this.#acting.followedTicks / this.#commandRateHz;
  }

  judgeShadow(): Verdict[] {
    return judgeShadow(this.#beside, this.#acting, this.#parameters);
  }

  judgeWatch(): Verdict[] {
    return judgeWatch(this.#acting, this.#before, this.#parameters);
  }

  #countAnew(limited?: LimitedShare): SwapFigures {
    return new SwapFigures(this.#surpriseWarn, limited ?? this.#unknownShare());
  }

  #unknownShare(): LimitedShare {
    const { watchSeconds, limitedTest } = this.#parameters;
    const { blockSeconds, baselineSeconds } = limitedTest;
    return new LimitedShare({
      blockTicks: Math.max(1, Math.round(blockSeconds * this.#commandRateHz)),
      mostBlocks: Math.ceil(Math.max(watchSeconds, baselineSeconds) / blockSeconds),
    });
  }
}
