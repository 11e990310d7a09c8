import { LatentloopError } from "../../core/errors.ts";
import { type DType, elementCount, formatShape, type Shape, sameShape } from "../../core/tensor.ts";
import { ONNX_DTYPE } from "../emit.ts";
import { differentiable, ints, node, nodes } from "../operator.ts";
import { broadcastShapes, frontAxis, requireDType, shapeError, withExtent } from "../shapes.ts";
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

/** Tensors joined along an existing axis. */
export function concat(parts: readonly Sym[], axis = -1): Sym {
  const first = parts[0];
  if (!first)
    throw new LatentloopError("ERR_INVALID_ARGUMENT", "Expected at least one tensor for Concat but received none.");
  return parts.length === 1 ? first : concatenated(parts, frontAxis("Concat", first, axis));
}

const concatenated: (parts: readonly Sym[], axis: number) => Sym = differentiable("Concat", (parts, axis) => {
  const first = parts[0]!;
  for (const part of parts) {
    requireDType("Concat", part, first.dtype);
    if (part.rank !== first.rank || !sameShape(withExtent(part.shape, axis, 0), withExtent(first.shape, axis, 0))) {
      throw shapeError("Concat", `shapes that differ only along axis ${axis}`, parts);
    }
  }
  const extents = parts.map((part) => part.extent(axis));
  return {
    operands: parts,
    value: node(
      "Concat",
      parts,
      withExtent(
        first.shape,
        axis,
        extents.reduce((a, b) => a + b),
      ),
      {
        attributes: { axis },
        dtype: first.dtype,
      },
    ),
    gradient: (dy) => split(dy, extents, axis),
  };
});

/** Tensors joined along a new axis. */
export function stack(parts: readonly Sym[], axis = 0): Sym {
  return concat(
    parts.map((part) => expandDims(part, axis)),
    axis,
  );
}

/** More parts than this are cut by Slice nodes: a wide Split exceeds the WebGPU provider's storage-buffer limit. */
const MAX_SPLIT_OUTPUTS = 4;

/** Cuts along an axis into parts of the given extents. */
export const split: (x: Sym, extents: readonly number[], axis?: number) => Sym[] = differentiable(
  "Split",
  (x, extents, axis = -1) => {
    const front = frontAxis("Split", x, axis);
    const total = extents.reduce((a, b) => a + b, 0);
    if (total !== x.extent(front)) throw shapeError("Split", `extent ${total} along axis ${axis}`, [x]);
    return {
      operands: [x],
      value: extents.length > MAX_SPLIT_OUTPUTS ? splitBySlices(x, extents, front) : splitAtOnce(x, extents, front),
      gradient: (parts) => [
        concat(
          parts.map((part, i) => part ?? expand(x.graph.scalar(0), withExtent(x.shape, front, extents[i]!))),
          front,
        ),
      ],
    };
  },
);

function splitAtOnce(x: Sym, extents: readonly number[], axis: number): Sym[] {
  const outputs = extents.map((extent) => [withExtent(x.shape, axis, extent), x.dtype] as const);
  return nodes("Split", [x, ints(x, extents)], outputs, { axis });
}

function splitBySlices(x: Sym, extents: readonly number[], axis: number): Sym[] {
  let start = 0;
  return extents.map((extent) => {
    start += extent;
    return sliceNode(x, [start - extent], [start], [axis]);
  });
}

/** One tensor per index along an axis, which is dropped. */
export function unstack(x: Sym, axis = 0): Sym[] {
  const front = frontAxis("Split", x, axis);
  const shape = x.shape.filter((_, i) => i !== front);
  return split(x, new Array<number>(x.extent(front)).fill(1), front).map((part) => reshape(part, shape));
}

function sliceNode(x: Sym, starts: readonly number[], ends: readonly number[], axes: readonly number[]): Sym {
  const shape = x.shape.map((extent, axis) =>
    axes.includes(axis) ? ends[axes.indexOf(axis)]! - starts[axes.indexOf(axis)]! : extent,
  );
  return node("Slice", [x, ints(x, starts), ints(x, ends), ints(x, axes)], shape, { dtype: x.dtype });
}

/** Elements [start, end) along an axis; negative bounds count from the end. */
export function slice(x: Sym, axis: number, start: number, end: number = x.extent(axis)): Sym {
  return crop(x, [start], [end], [axis]);
}

/** Elements [starts[i], ends[i]) along each of the axes. */
export function crop(x: Sym, starts: readonly number[], ends: readonly number[], axes: readonly number[]): Sym {
  const front = axes.map((axis) => frontAxis("Slice", x, axis));
  const bound = (value: number, i: number) => (value < 0 ? value + x.extent(front[i]!) : value);
  const from = starts.map(bound);
  const to = ends.map(bound);
  if (from.some((start, i) => start < 0 || start >= to[i]! || to[i]! > x.extent(front[i]!))) {
    throw shapeError("Slice", `room for [${starts}] to [${ends}] along axes [${axes}]`, [x]);
  }
  const whole = from.every((start, i) => start === 0 && to[i] === x.extent(front[i]!));
  return whole ? x : cropped(x, from, to, front);
}

const cropped: (x: Sym, starts: readonly number[], ends: readonly number[], axes: readonly number[]) => Sym =
  differentiable("Slice", (x, starts, ends, axes) => ({
    operands: [x],
    value: sliceNode(x, starts, ends, axes),
    gradient: (dy) => {
      const margins = x.shape.map((extent, axis): [number, number] => {
        const i = axes.indexOf(axis);
        return i < 0 ? [0, 0] : [starts[i]!, extent - ends[i]!];
      });
      return [pad(dy, margins)];
    },
  }));

/** Adds [before, after] elements of a constant value along every axis. */
export function pad(x: Sym, margins: readonly (readonly [number, number])[], value = 0): Sym {
  if (margins.length !== x.rank) throw shapeError("Pad", `a tensor of rank ${margins.length}`, [x]);
  return margins.every(([before, after]) => before === 0 && after === 0) ? x : padded(x, margins, value);
}

const padded: (x: Sym, margins: readonly (readonly [number, number])[], value: number) => Sym = differentiable(
  "Pad",
  (x, margins, value) => {
    const pads = [...margins.map(([before]) => before), ...margins.map(([, after]) => after)];
    return {
      operands: [x],
      value: node(
        "Pad",
        [x, ints(x, pads), x.graph.scalar(value, x.dtype)],
        x.shape.map((extent, axis) => extent + margins[axis]![0] + margins[axis]![1]),
        { dtype: x.dtype },
      ),
      gradient: (dy) => [
        crop(
          dy,
          margins.map(([before]) => before),
          x.shape.map((extent, axis) => margins[axis]![0] + extent),
          x.shape.map((_, axis) => axis),
        ),
      ],
    };
  },
);

/** The elements along an axis in reverse order. */
export const reverse: (x: Sym, axis: number) => Sym = differentiable("Reverse", (x, axis) => {
  const front = frontAxis("Reverse", x, axis);
  const bounds = [ints(x, [-1]), ints(x, [-(2 ** 31)]), ints(x, [front]), ints(x, [-1])];
  return {
    operands: [x],
    value: node("Slice", [x, ...bounds], x.shape, { dtype: x.dtype }),
    gradient: (dy) => [reverse(dy, front)],
  };
});

/** Conversion of the element type; no gradient flows through it. */
export function cast(x: Sym, dtype: DType): Sym {
  return x.dtype === dtype ? x : node("Cast", [x], x.shape, { attributes: { to: ONNX_DTYPE[dtype] }, dtype });
}

/** @throws ERR_SHAPE_MISMATCH if the tensor has another shape: for layers to check what they are given */
export function requireShape(operation: string, x: Sym, shape: Shape): void {
  if (!sameShape(x.shape, shape)) throw shapeError(operation, formatShape(shape), [x]);
}
