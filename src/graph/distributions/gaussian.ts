import { add, div, mul, square, sub } from "../operators/arithmetic.ts";
import { log } from "../operators/functions.ts";
import type { Sym } from "../sym.ts";
import { type Distribution, sumEvent } from "./distribution.ts";

const LOG_TWO_PI = Math.log(2 * Math.PI);

export interface Gaussian extends Distribution {
  readonly mean: Sym;
  readonly deviation: Sym;
  entropy(): Sym;
  /** Kullback-Leibler divergence from `other` to this: E over this of log this - log other. */
  kl(other: Gaussian): Sym;
}

/**
 * Independent normal distributions; a sample is mean + deviation · noise, with noise standard normal.
 *
 * Shapes: mean, deviation, noise [..., event]; logProb, entropy, kl [...]
 */
export function gaussian(mean: Sym, deviation: Sym, eventRank = 1): Gaussian {
  const logDeviation = () => log(deviation);
  return {
    mean,
    deviation,
    mode: () => mean,
    sample: (noise) => add(mean, mul(deviation, noise)),
    logProb: (value) => {
      const error = square(div(sub(value, mean), deviation));
      return sumEvent(sub(sub(mul(error, -0.5), logDeviation()), 0.5 * LOG_TWO_PI), eventRank);
    },
    entropy: () => sumEvent(add(logDeviation(), 0.5 * (1 + LOG_TWO_PI)), eventRank),
    kl: (other) => {
      const ratio = div(deviation, other.deviation);
      const shift = square(div(sub(mean, other.mean), other.deviation));
      const spread = mul(sub(add(square(ratio), shift), 1), 0.5);
      return sumEvent(sub(spread, log(ratio)), eventRank);
    },
  };
}
