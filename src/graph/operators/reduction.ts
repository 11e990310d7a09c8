import { type Shape, sameShape } from "../../core/tensor.ts";
import { differentiable, ints, node } from "../operator.ts";
import { frontAxes, frontAxis, reducedShape, requireDType } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { div, mul, sub } from "./arithmetic.ts";
import { equal } from "./comparison.ts";
import { exp } from "./functions.ts";
import { cast, expand, reshape } from "./shape.ts";

interface ReductionCall {
  readonly x: Sym;
  /** The result and its cotangent with the reduced axes kept as ones, so that they broadcast against x. */
  readonly y: Sym;
  readonly dy: Sym;
}

/** A reduction over the given axes (all of them by default), which are dropped unless `keepDims`. */
function reduction(type: string, rule: (call: ReductionCall) => Sym) {
  return differentiable<[x: Sym, axes?: number | readonly number[], keepDims?: boolean], Sym>(
    type,
    (x, axes, keepDims = false) => {
      requireDType(type, x, "float32", "int64", "int32");
      const front = frontAxes(type, x, axes);
      const kept = reducedShape(x.shape, front, true);
      const y = node(type, [x, ints(x, front)], reducedShape(x.shape, front, keepDims), {
        attributes: { keepdims: keepDims ? 1 : 0 },
        dtype: x.dtype,
      });
      return {
        operands: [x],
        value: y,
        gradient: (dy) => [rule({ x, y: reshape(y, kept), dy: reshape(dy, kept) })],
      };
    },
  );
}

export const sum = reduction("ReduceSum", ({ x, dy }) => expand(dy, x.shape));
export const mean = reduction("ReduceMean", ({ x, dy }) => expand(mul(dy, dy.size / x.size), x.shape));
export const sumSquares = reduction("ReduceSumSquare", ({ x, dy }) => mul(mul(x, 2), dy));
export const logSumExp = reduction("ReduceLogSumExp", ({ x, y, dy }) => mul(dy, exp(sub(x, y))));
/** Largest element; several equal ones share the gradient. */
export const reduceMax = reduction("ReduceMax", shareAmongEqual);
/** Smallest element; several equal ones share the gradient. */
export const reduceMin = reduction("ReduceMin", shareAmongEqual);

function shareAmongEqual({ x, y, dy }: ReductionCall): Sym {
  const hits = cast(equal(x, y), "float32");
  const axes = y.shape.flatMap((extent, axis) => (extent === x.shape[axis] ? [] : [axis]));
  return mul(hits, div(dy, sum(hits, axes, true)));
}

/** Sums over the axes that broadcasting to `x.shape` repeated: the transpose of a broadcast. */
export function sumTo(x: Sym, shape: Shape): Sym {
  if (sameShape(x.shape, shape)) return x;
  const added = x.rank - shape.length;
  const axes = x.shape.flatMap((extent, axis) =>
    axis < added || (shape[axis - added] === 1 && extent !== 1) ? [axis] : [],
  );
  return reshape(axes.length > 0 ? sum(x, axes) : x, shape);
}

/** Running sum along an axis, each element included. */
export const cumulativeSum: (x: Sym, axis: number, options?: { readonly reverse?: boolean }) => Sym = differentiable(
  "CumSum",
  (x, axis, options = {}) => {
    const front = frontAxis("CumSum", x, axis);
    const reverse = options.reverse ?? false;
    return {
      operands: [x],
      value: node("CumSum", [x, x.graph.scalar(front, "int64")], x.shape, {
        attributes: { reverse: reverse ? 1 : 0 },
        dtype: x.dtype,
      }),
      gradient: (dy) => [cumulativeSum(dy, front, { reverse: !reverse })],
    };
  },
);
