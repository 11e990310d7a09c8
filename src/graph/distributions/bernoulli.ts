import { sigmoid, softplus } from "../operators/activations.ts";
import { add, mul, sub } from "../operators/arithmetic.ts";
import { greater, less } from "../operators/comparison.ts";
import { straightThrough } from "../operators/selection.ts";
import { cast } from "../operators/shape.ts";
import type { Sym } from "../sym.ts";
import { type Distribution, sumEvent } from "./distribution.ts";

export interface Bernoulli extends Distribution {
  /** Probability of 1. */
  readonly mean: Sym;
  entropy(): Sym;
  /** E over this of log this - log other. */
  kl(other: Bernoulli): Sym;
  readonly logits: Sym;
}

/**
 * Independent yes-no outcomes; a value between 0 and 1 is a soft label. Samples pass gradients straight through to the mean.
 *
 * Shapes: logits, noise (uniform), values [..., event]; logProb, entropy, kl [...]
 */
export function bernoulli(logits: Sym, eventRank = 1): Bernoulli {
  const mean = sigmoid(logits);
  const hard = (yes: Sym) => straightThrough(cast(yes, "float32"), mean);
  return {
    mean,
    logits,
    mode: () => hard(greater(logits, 0)),
    sample: (noise) => hard(less(noise, mean)),
    logProb: (value) => sumEvent(sub(mul(value, logits), softplus(logits)), eventRank),
    entropy: () => sumEvent(sub(softplus(logits), mul(mean, logits)), eventRank),
    kl: (other) => {
      const odds = mul(mean, sub(logits, other.logits));
      return sumEvent(add(sub(odds, softplus(logits)), softplus(other.logits)), eventRank);
    },
  };
}
