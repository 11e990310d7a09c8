import { RUNGS, type Rung } from "../../core/plan.ts";
import type { HaltCause } from "../../core/status.ts";

/** Why the loop stepped down: a plan came late, the planner had less time, or the cause of a halt. */
export type StepDownCause = HaltCause | "plan-late" | "planner-budget";

export interface StepDown {
  readonly rung: Rung;
  readonly cause: StepDownCause;
}

/** A human stands beside the ladder, level with its top: taking over is no step down. */
function rankOf(rung: Rung): number {
  return rung === "teleop" ? 0 : RUNGS.indexOf(rung);
}

/** Counts every step down the ladder of `RUNGS` with its cause. A robot that nobody armed has no rung to lose. */
export class DegradeLadder {
  readonly #counts = new Map<string, number>();
  #rung: Rung = "hold";

  get rung(): Rung {
    return this.#rung;
  }

  /** The step down that this tick is, if it is one. */
  observe(rung: Rung, cause: HaltCause): StepDown | undefined {
    const before = this.#rung;
    this.#rung = rung;
    if (rankOf(rung) <= rankOf(before)) return undefined;
    const step = {
      rung,
      cause: rung === "hold" ? cause : rung === "last-plan" ? "plan-late" : "planner-budget",
    } as const;
    const key = `${step.rung}: ${step.cause}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return step;
  }

  /** How often each "rung: cause" was stepped down to. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
