import { type DType, elementCount, type Shape, sameShape } from "../../core/tensor.ts";
import { ONNX_DTYPE } from "../emit.ts";
import { differentiable, ints, node } from "../operator.ts";
import { broadcastShapes, shapeError, withExtent } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { sumTo } from "./reduction.ts";

/** The same elements in another shape; one extent may be -1 and is worked out. */
export function reshape(x: Sym, shape: Shape): Sym {
  const unknown = shape.indexOf(-1);
  const known = elementCount(shape.filter((extent) => extent !== -1));
  const full = unknown < 0 ? shape : withExtent(shape, unknown, x.size / known);
  if (elementCount(full) !== x.size || full.some((extent) => !Number.isInteger(extent) || extent < 0)) {
    throw shapeError("Reshape", `${x.size} elements in both shapes`, [x, shape]);
  }
  return sameShape(full, x.shape) ? x : reshaped(x, full);
}

const reshaped: (x: Sym, shape: Shape) => Sym = differentiable("Reshape", (x, shape) => ({
  operands: [x],
  value: node("Reshape", [x, ints(x, shape)], shape, { dtype: x.dtype }),
  gradient: (dy) => [reshape(dy, x.shape)],
}));

/** A new axis of extent 1. */
export function expandDims(x: Sym, axis: number): Sym {
  const front = axis < 0 ? axis + x.rank + 1 : axis;
  return reshape(x, [...x.shape.slice(0, front), 1, ...x.shape.slice(front)]);
}

/** All axes from `axis` on merged into one. */
export function flatten(x: Sym, axis = 1): Sym {
  return reshape(x, [...x.shape.slice(0, axis), elementCount(x.shape.slice(axis))]);
}

/** Axis i of the result is axis `permutation[i]` of x. */
export function transpose(x: Sym, permutation: readonly number[]): Sym {
  const sorted = [...permutation].sort((a, b) => a - b);
  if (sorted.length !== x.rank || sorted.some((axis, i) => axis !== i)) {
    throw shapeError("Transpose", `a tensor of rank ${permutation.length} for the permutation [${permutation}]`, [x]);
  }
  return permutation.every((axis, i) => axis === i) ? x : transposed(x, permutation);
}

const transposed: (x: Sym, permutation: readonly number[]) => Sym = differentiable("Transpose", (x, permutation) => {
  const inverse = permutation.map((_, i) => permutation.indexOf(i));
  return {
    operands: [x],
    value: node(
      "Transpose",
      [x],
      permutation.map((axis) => x.shape[axis]!),
      { attributes: { perm: permutation }, dtype: x.dtype },
    ),
    gradient: (dy) => [transpose(dy, inverse)],
  };
});

/** The last two axes swapped. */
export function transposeMatrix(x: Sym): Sym {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

/** Repeats along axes of extent 1, by NumPy's broadcasting rule. */
export function expand(x: Sym, shape: Shape): Sym {
  const broadcast = broadcastShapes(x.shape, shape);
  if (!broadcast || !sameShape(broadcast, shape))
    throw shapeError("Expand", "a shape that broadcasts to the target", [x, shape]);
  return sameShape(shape, x.shape) ? x : expanded(x, shape);
}

const expanded: (x: Sym, shape: Shape) => Sym = differentiable("Expand", (x, shape) => ({
  operands: [x],
  value: node("Expand", [x, ints(x, shape)], shape, { dtype: x.dtype }),
  gradient: (dy) => [sumTo(dy, x.shape)],
}));

/** Conversion of the element type; no gradient flows through it. */
export function cast(x: Sym, dtype: DType): Sym {
  return x.dtype === dtype ? x : node("Cast", [x], x.shape, { attributes: { to: ONNX_DTYPE[dtype] }, dtype });
}
