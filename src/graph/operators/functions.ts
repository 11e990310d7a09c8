import { differentiable, node } from "../operator.ts";
import { requireDType } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { add, div, mul, neg, square, sub } from "./arithmetic.ts";

interface UnaryCall {
  readonly x: Sym;
  readonly y: Sym;
  readonly dy: Sym;
}

/** An ONNX function of one operand, element by element. */
function unary(type: string, rule: (call: UnaryCall) => Sym) {
  return differentiable<[x: Sym], Sym>(type, (x) => {
    requireDType(type, x, "float32");
    const y = node(type, [x], x.shape);
    return { operands: [x], value: y, gradient: (dy) => [rule({ x, y, dy })] };
  });
}

export const exp = unary("Exp", ({ y, dy }) => mul(dy, y));
export const log = unary("Log", ({ x, dy }) => div(dy, x));
export const sqrt = unary("Sqrt", ({ y, dy }) => div(mul(dy, 0.5), y));
export const reciprocal = unary("Reciprocal", ({ y, dy }) => neg(mul(dy, square(y))));
export const abs = unary("Abs", ({ x, dy }) => mul(dy, sign(x)));
export const sin = unary("Sin", ({ x, dy }) => mul(dy, cos(x)));
export const cos = unary("Cos", ({ x, dy }) => neg(mul(dy, sin(x))));
export const erf = unary("Erf", ({ x, dy }) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))));

/** log(1 + x); for |x| far below 1 the sum loses digits. */
export function log1p(x: Sym): Sym {
  return log(add(x, 1));
}

/** exp(x) - 1; for |x| far below 1 the difference loses digits. */
export function expm1(x: Sym): Sym {
  return sub(exp(x), 1);
}

function stepwise(type: string) {
  return (x: Sym): Sym => node(type, [x], x.shape, { dtype: x.dtype });
}

/** Piecewise constant, so without a gradient. */
export const sign = stepwise("Sign");
export const floor = stepwise("Floor");
export const ceil = stepwise("Ceil");
/** To the nearest whole number, halves to the even one. */
export const round = stepwise("Round");

/** sign(x) · log(1 + |x|). Source: Hafner et al. 2023, arXiv:2301.04104, eq. 9. */
export const symlog: (x: Sym) => Sym = differentiable("Symlog", (x) => {
  const magnitude = add(abs(x), 1);
  return { operands: [x], value: mul(sign(x), log(magnitude)), gradient: (dy) => [div(dy, magnitude)] };
});

/** sign(x) · (exp(|x|) - 1), the inverse of symlog. */
export const symexp: (x: Sym) => Sym = differentiable("Symexp", (x) => {
  const magnitude = exp(abs(x));
  return { operands: [x], value: mul(sign(x), sub(magnitude, 1)), gradient: (dy) => [mul(dy, magnitude)] };
});
