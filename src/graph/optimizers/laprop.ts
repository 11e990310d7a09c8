import { add, div, mul, square, sub } from "../operators/arithmetic.ts";
import { sqrt } from "../operators/functions.ts";
import { biasCorrection } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";

export interface LaPropOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/**
 * LaProp: Adam with the momentum taken after the division by the root mean square. DreamerV3 trains with it.
 *
 * Source: Ziyin et al. 2020, arXiv:2002.04839, algorithm 1.
 */
export function laProp(options: LaPropOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-20 } = options;
  return {
    moments: ["mean", "variance"],
    weightDecay: false,
    begin({ learningRate, count, scale, live }) {
      const rootCorrection2 = sqrt(biasCorrection(beta2, count));
      const rate = mul(live, div(learningRate, biasCorrection(beta1, count)));
      const shiftedEpsilon = mul(rootCorrection2, epsilon);
      const fresh1 = mul(live, 1 - beta1);
      const fresh2 = mul(live, 1 - beta2);
      const [kept1, kept2] = [sub(1, fresh1), sub(1, fresh2)];
      const weight1 = mul(mul(scale, rootCorrection2), fresh1);
      const weight2 = mul(square(scale), fresh2);
      return ({ parameter, gradient, moments: [mean, variance] }) => {
        const nextVariance = add(mul(variance!, kept2), mul(square(gradient), weight2));
        const normalized = div(mul(gradient, weight1), add(sqrt(nextVariance), shiftedEpsilon));
        const nextMean = add(mul(mean!, kept1), normalized);
        return { parameter: sub(parameter, mul(nextMean, rate)), moments: [nextMean, nextVariance] };
      };
    },
  };
}
