import { LatentloopError } from "../../core/errors.ts";
import { sameShape } from "../../core/tensor.ts";
import { alias, differentiable, lift, node } from "../operator.ts";
import { broadcastOf, requireDType, shapeError } from "../shapes.ts";
import { type Operand, Sym } from "../sym.ts";
import { equal } from "./comparison.ts";
import { sumTo } from "./reduction.ts";

/** `a` where the condition holds, else `b`. */
export const where: (condition: Sym, whenTrue: Operand, whenFalse: Operand) => Sym = differentiable(
  "Where",
  (condition, whenTrue, whenFalse) => {
    requireDType("Where", condition, "bool");
    const numbersOnly = !(whenTrue instanceof Sym) && !(whenFalse instanceof Sym);
    const first = numbersOnly ? condition.graph.scalar(whenTrue) : whenTrue;
    const [a, b] = lift("Where", [first, whenFalse]) as [Sym, Sym];
    return {
      operands: [a, b],
      value: node("Where", [condition, a, b], broadcastOf("Where", [condition, a, b]), { dtype: a.dtype }),
      gradient: (dy) => [sumTo(where(condition, dy, 0), a.shape), sumTo(where(condition, 0, dy), b.shape)],
    };
  },
);

/** x limited to [low, high]; the gradient passes where x lies within, bounds included. */
export const clip: (x: Sym, low: number, high: number) => Sym = differentiable("Clip", (x, low, high) => {
  if (!(low <= high)) {
    throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected low <= high for Clip but received ${low} and ${high}.`);
  }
  const y = node("Clip", [x, x.graph.scalar(low, x.dtype), x.graph.scalar(high, x.dtype)], x.shape, { dtype: x.dtype });
  return { operands: [x], value: y, gradient: (dy) => [where(equal(x, y), dy, 0)] };
});

/** The same value, through which no gradient flows. Costs nothing at run time. */
export function stopGradient(x: Sym): Sym {
  return alias(x);
}

/**
 * The value of `hard` with the gradient of `soft`. Costs nothing at run time.
 *
 * Source: Bengio et al. 2013, arXiv:1308.3432.
 */
export const straightThrough: (hard: Sym, soft: Sym) => Sym = differentiable("StraightThrough", (hard, soft) => {
  if (!sameShape(hard.shape, soft.shape)) throw shapeError("StraightThrough", "equal shapes", [hard, soft]);
  return { operands: [soft], value: alias(hard), gradient: (dy) => [dy] };
});
