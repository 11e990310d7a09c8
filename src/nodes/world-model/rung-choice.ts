import type { Rung } from "../../core/plan.ts";

/** Rungs that compute something, best first. */
export type ComputedRung = Extract<Rung, "mpc" | "mpc-short" | "policy-prior">;

/** How long each rung is expected to compute. */
export type ExpectedNs = Readonly<Partial<Record<ComputedRung, number>>>;

/** Weight of the newest compute time in the running estimate. */
const NEWEST_WEIGHT = 0.2;
/** A rung that was too slow is tried again when its estimate has decayed this far: 1 % a step. */
const FORGETTING = 0.99;

/**
 * Chooses how much to plan so that the plan is ready in time: the best rung whose expected compute time fits the budget.
 *
 * An overrun counts at once and in full; a rung that is not used slowly regains its chance.
 */
export class RungChoice {
  readonly #expectedNs: Partial<Record<ComputedRung, number>> = {};
  readonly #rungs: readonly ComputedRung[];

  /** @param rungs what the bundle offers, best first; never empty */
  constructor(rungs: readonly ComputedRung[], expectedNs: ExpectedNs = {}) {
    this.#rungs = rungs;
    for (const rung of rungs) this.#expectedNs[rung] = expectedNs[rung] ?? 0;
  }

  choose(budgetNs: number): ComputedRung {
    for (const rung of this.#rungs) {
      const expected = this.#expectedNs[rung]!;
      if (expected <= budgetNs) return rung;
      this.#expectedNs[rung] = expected * FORGETTING;
    }
    return this.#rungs.at(-1)!;
  }

  /** Every rung's; 0 for one that never ran. */
  get expectedNs(): ExpectedNs {
    return this.#expectedNs;
  }

  record(rung: ComputedRung, computeNs: number): void {
    const expected = this.#expectedNs[rung]!;
    const weight = expected === 0 || computeNs > 2 * expected ? 1 : NEWEST_WEIGHT;
    this.#expectedNs[rung] = expected + weight * (computeNs - expected);
  }
}
