import { sum } from "../operators/reduction.ts";
import type { Sym } from "../sym.ts";

/**
 * A batch of distributions as symbolic values. The last `eventRank` axes are one outcome: probabilities are summed over them.
 * Sampling takes noise as an operand, so that graphs stay deterministic; gradients flow through a sample where that is possible.
 */
export interface Distribution {
  mode(): Sym;
  sample(noise: Sym): Sym;
  logProb(value: Sym): Sym;
}

/** Sums the last axes, which form one outcome. */
export function sumEvent(x: Sym, eventRank: number): Sym {
  if (eventRank === 0) return x;
  return sum(
    x,
    Array.from({ length: eventRank }, (_, i) => -1 - i),
  );
}
