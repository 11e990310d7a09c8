import { add, mul, sub } from "../operators/arithmetic.ts";
import type { Optimizer } from "./optimizer.ts";

export interface SgdOptions {
  readonly momentum?: number;
  /** Added to the gradient, as in L2 regularisation. */
  readonly weightDecay?: number;
}

/** Stochastic gradient descent, with heavy-ball momentum on request. */
export function sgd({ momentum = 0, weightDecay = 0 }: SgdOptions = {}): Optimizer {
  return {
    moments: momentum === 0 ? [] : ["velocity"],
    weightDecay: weightDecay !== 0,
    begin({ learningRate, scale, live }) {
      const rate = mul(live, learningRate);
      const fresh = mul(live, scale);
      const kept = sub(1, mul(live, 1 - momentum));
      const pull = mul(live, weightDecay);
      return ({ parameter, gradient, moments: [velocity], decays }) => {
        const clipped = mul(gradient, fresh);
        const slope = weightDecay !== 0 && decays ? add(clipped, mul(parameter, pull)) : clipped;
        const step = velocity ? add(mul(velocity, kept), slope) : slope;
        return { parameter: sub(parameter, mul(step, rate)), moments: velocity ? [step] : [] };
      };
    },
  };
}
