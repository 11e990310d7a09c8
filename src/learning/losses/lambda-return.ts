import { add, at, mul, type Operand, type Sym, stack, sub } from "../../graph/index.ts";

export interface LambdaReturnInputs {
  /** Reward on arriving at each of the states 1 … H. Shapes: [H, N] */
  readonly rewards: Sym;
  /** Weight of what comes after that state: the discount times the probability that the episode goes on. Shapes: [H, N] */
  readonly discounts: Sym;
  /** Value of that state. Shapes: [H, N] */
  readonly values: Sym;
  /** Share of the longer return beside the value: a number, or one for every step. Shapes: [H, N] */
  readonly lambda: Operand;
}

/**
 * λ-return of the states 0 … H - 1: bootstrapped targets, computed backwards in time.
 *
 * R_t = r_{t+1} + γ_{t+1}·((1 - λ)·v_{t+1} + λ·R_{t+1}), R_H = v_H
 *
 * Shapes: → [H, N]
 * Source: Hafner et al. 2020, arXiv:1912.01603, eq. 6. Differs: discount and continuation are one factor.
 */
export function lambdaReturn({ rewards, discounts, values, lambda }: LambdaReturnInputs): Sym {
  const horizon = rewards.extent(0);
  const shares = mul(discounts, lambda);
  const interim = add(rewards, mul(sub(discounts, shares), values));
  const returns: Sym[] = [];
  let beyond = at(values, horizon - 1);
  for (let t = horizon - 1; t >= 0; t--) {
    beyond = add(at(interim, t), mul(at(shares, t), beyond));
    returns.unshift(beyond);
  }
  return stack(returns);
}
