import { differentiable, node } from "../operator.ts";
import type { Sym } from "../sym.ts";
import { add, div, min, mul, neg, square, sub } from "./arithmetic.ts";
import { greater } from "./comparison.ts";
import { erf, exp } from "./functions.ts";
import { where } from "./selection.ts";

export const tanh: (x: Sym) => Sym = differentiable("Tanh", (x) => {
  const y = node("Tanh", [x], x.shape);
  return { operands: [x], value: y, gradient: (dy) => [mul(dy, sub(1, square(y)))] };
});

export const sigmoid: (x: Sym) => Sym = differentiable("Sigmoid", (x) => {
  const y = node("Sigmoid", [x], x.shape);
  return { operands: [x], value: y, gradient: (dy) => [mul(mul(dy, y), sub(1, y))] };
});

/** log(1 + exp(x)), without overflow. */
export const softplus: (x: Sym) => Sym = differentiable("Softplus", (x) => ({
  operands: [x],
  value: node("Softplus", [x], x.shape),
  gradient: (dy) => [mul(dy, sigmoid(x))],
}));

/** log(sigmoid(x)), without overflow. */
export function logSigmoid(x: Sym): Sym {
  return neg(softplus(neg(x)));
}

export const relu: (x: Sym) => Sym = differentiable("Relu", (x) => {
  const y = node("Relu", [x], x.shape);
  return { operands: [x], value: y, gradient: (dy) => [where(greater(y, 0), dy, 0)] };
});

export const leakyRelu: (x: Sym, slope?: number) => Sym = differentiable("LeakyRelu", (x, slope = 0.01) => ({
  operands: [x],
  value: node("LeakyRelu", [x], x.shape, { attributes: { alpha: { float: slope } } }),
  gradient: (dy) => [where(greater(x, 0), dy, mul(dy, slope))],
}));

export const elu: (x: Sym) => Sym = differentiable("Elu", (x) => {
  const y = node("Elu", [x], x.shape);
  return { operands: [x], value: y, gradient: (dy) => [mul(dy, add(min(y, 0), 1))] };
});

/** x · sigmoid(x). Source: Elfwing et al. 2017, arXiv:1702.03118. */
export const silu: (x: Sym) => Sym = differentiable("Silu", (x) => {
  const gate = sigmoid(x);
  const y = mul(x, gate);
  return { operands: [x], value: y, gradient: (dy) => [mul(dy, add(gate, mul(y, sub(1, gate))))] };
});

/** x · Φ(x) with the normal distribution function, not its tanh approximation. Source: arXiv:1606.08415. */
export const gelu: (x: Sym) => Sym = differentiable("Gelu", (x) => {
  const cdf = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
  return {
    operands: [x],
    value: mul(x, cdf),
    gradient: (dy) => {
      const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return [mul(dy, add(cdf, mul(x, density)))];
    },
  };
});

/** Beyond this, mish(x) is x to the last bit of a float32. */
const MISH_LINEAR = 20;

/**
 * x · tanh(softplus(x)), computed as x · w / (w + 2) with w = u² + 2u, u = exp(x): one transcendental function, and no digits
 * lost where x is far below zero.
 *
 * Source: Misra 2019, arXiv:1908.08681.
 */
export const mish: (x: Sym) => Sym = differentiable("Mish", (x) => {
  const u = exp(min(x, MISH_LINEAR));
  const w = mul(u, add(u, 2));
  const share = div(w, add(w, 2));
  return {
    operands: [x],
    value: mul(x, share),
    // d share / dx = (1 - share)² · (u² + u)
    gradient: (dy) => [mul(dy, add(share, mul(x, mul(square(sub(1, share)), sub(w, u)))))],
  };
});
