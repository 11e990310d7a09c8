import { tanh } from "../operators/activations.ts";
import { add, div, mul, neg, square, sub } from "../operators/arithmetic.ts";
import { exp, sqrt } from "../operators/functions.ts";
import type { Sym } from "../sym.ts";
import type { Optimizer } from "./optimizer.ts";

export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled from the gradient: AdamW. */
  readonly weightDecay?: number;
}

/**
 * Adam, or with weight decay AdamW.
 *
 * Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
 * Differs: the bias corrections are folded into the learning rate and epsilon (the end of section 2), with equal results.
 */
export function adam(options: AdamOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  return {
    moments: ["mean", "variance"],
    weightDecay: weightDecay !== 0,
    begin({ learningRate, count, scale, live }) {
      const rootCorrection2 = sqrt(biasCorrection(beta2, count));
      const rate = mul(live, div(mul(learningRate, rootCorrection2), biasCorrection(beta1, count)));
      const shiftedEpsilon = mul(rootCorrection2, epsilon);
      const fresh1 = mul(live, 1 - beta1);
      const fresh2 = mul(live, 1 - beta2);
      const [kept1, kept2] = [sub(1, fresh1), sub(1, fresh2)];
      const [weight1, weight2] = [mul(scale, fresh1), mul(square(scale), fresh2)];
      const shrink = weightDecay === 0 ? undefined : sub(1, mul(mul(live, learningRate), weightDecay));
      return ({ parameter, gradient, moments: [mean, variance], decays }) => {
        const nextMean = add(mul(mean!, kept1), mul(gradient, weight1));
        const nextVariance = add(mul(variance!, kept2), mul(square(gradient), weight2));
        const change = mul(div(nextMean, add(sqrt(nextVariance), shiftedEpsilon)), rate);
        const start = shrink && decays ? mul(parameter, shrink) : parameter;
        return { parameter: sub(start, change), moments: [nextMean, nextVariance] };
      };
    },
  };
}

/** AdamW with PyTorch's default decay. */
export function adamW(options: AdamOptions = {}): Optimizer {
  return adam({ weightDecay: 0.01, ...options });
}

/** 1 - beta^count, as tanh(x / 2) · (1 + exp(-x)) with x = -count · log(beta): plain subtraction loses four digits at first. */
export function biasCorrection(beta: number, count: Sym): Sym {
  const x = mul(count, -Math.log(beta));
  return mul(tanh(mul(x, 0.5)), add(exp(neg(x)), 1));
}
