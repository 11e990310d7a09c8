import { softplus, tanh } from "../operators/activations.ts";
import { add, mul, neg, sub } from "../operators/arithmetic.ts";
import { log } from "../operators/functions.ts";
import { clip } from "../operators/selection.ts";
import type { Sym } from "../sym.ts";
import { type Distribution, sumEvent } from "./distribution.ts";
import { type Gaussian, gaussian } from "./gaussian.ts";

export interface TanhGaussian extends Distribution {
  /** The distribution before the tanh. */
  readonly base: Gaussian;
  /** A sample and its log-probability, computed from the value before the tanh and so without loss near the bounds. */
  sampleWithLogProb(noise: Sym): { readonly value: Sym; readonly logProb: Sym };
  /** An unbiased one-sample estimate: there is no closed form. */
  entropy(noise: Sym): Sym;
  /** Equal to that of the distributions before the tanh. */
  kl(other: TanhGaussian): Sym;
}

/** Nearest to ±1 that an action is taken back through the tanh. */
const INVERSE_MARGIN = 1e-6;

/**
 * A normal distribution squashed into (-1, 1).
 *
 * Shapes: mean, deviation, noise [..., event]; logProb, entropy, kl [...]
 * Source: Haarnoja et al. 2018, arXiv:1812.05905, appendix C, eq. 26.
 */
export function tanhGaussian(mean: Sym, deviation: Sym, eventRank = 1): TanhGaussian {
  const base = gaussian(mean, deviation, eventRank);
  const logProbBefore = (before: Sym) => sub(base.logProb(before), sumEvent(logSlope(before), eventRank));
  return {
    base,
    mode: () => tanh(mean),
    sample: (noise) => tanh(base.sample(noise)),
    sampleWithLogProb: (noise) => {
      const before = base.sample(noise);
      return { value: tanh(before), logProb: logProbBefore(before) };
    },
    logProb: (value) => {
      const inside = clip(value, INVERSE_MARGIN - 1, 1 - INVERSE_MARGIN);
      return logProbBefore(mul(sub(log(add(inside, 1)), log(sub(1, inside))), 0.5)); // artanh
    },
    entropy: (noise) => add(base.entropy(), sumEvent(logSlope(base.sample(noise)), eventRank)),
    kl: (other) => base.kl(other.base),
  };
}

/** log(1 - tanh²(x)) = 2 · (log 2 - x - softplus(-2x)), which neither overflows nor cancels. */
function logSlope(x: Sym): Sym {
  return mul(sub(sub(Math.LN2, x), softplus(neg(mul(x, 2)))), 2);
}
