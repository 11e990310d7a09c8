import { add, div, mul, square, sub } from "../operators/arithmetic.ts";
import { log } from "../operators/functions.ts";
import { hardMax } from "../operators/indexing.ts";
import { logSoftmax } from "../operators/normalization.ts";
import { logSumExp, sum } from "../operators/reduction.ts";
import { stopGradient } from "../operators/selection.ts";
import { expandDims } from "../operators/shape.ts";
import type { Sym } from "../sym.ts";
import { categorical } from "./categorical.ts";
import { sumEvent } from "./distribution.ts";

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** A mixture of normals for every element. Its entropy and divergence have no closed form. */
export interface GaussianMixture {
  /** Mean of the likeliest component. */
  mode(): Sym;
  mean(): Sym;
  /** Uniform noise of the logits' shape chooses the component, normal noise of the outcome's shape places the value. */
  sample(componentNoise: Sym, noise: Sym): Sym;
  logProb(value: Sym): Sym;
}

/**
 * The output of a mixture density network. With a temperature, logits are divided by it and deviations multiplied by its root.
 *
 * Shapes: logits, means, deviations [..., event, K]; values [..., event]; logProb [...]
 * Source: Bishop 1994; temperature: Ha and Schmidhuber 2018, arXiv:1803.10122, section 4.
 */
export function gaussianMixture(
  logits: Sym,
  means: Sym,
  deviations: Sym,
  { eventRank = 1, temperature = 1 }: { readonly eventRank?: number; readonly temperature?: number } = {},
): GaussianMixture {
  const tempered = temperature === 1 ? logits : mul(logits, 1 / temperature);
  const deviation = temperature === 1 ? deviations : mul(deviations, Math.sqrt(temperature));
  const component = categorical(tempered);
  const choose = (values: Sym, choice: Sym) => sum(mul(values, choice), -1);
  return {
    mode: () => choose(means, hardMax(tempered)),
    mean: () => choose(means, component.probabilities),
    sample: (componentNoise, noise) => {
      const choice = stopGradient(component.sample(componentNoise));
      return add(choose(means, choice), mul(choose(deviation, choice), noise));
    },
    logProb: (value) => {
      const error = square(div(sub(expandDims(value, -1), means), deviation));
      const perComponent = sub(sub(mul(error, -0.5), log(deviation)), HALF_LOG_TWO_PI);
      return sumEvent(logSumExp(add(logSoftmax(tempered), perComponent), -1), eventRank);
    },
  };
}
