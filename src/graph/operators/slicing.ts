import { LatentloopError } from "../../core/errors.ts";
import { sameShape } from "../../core/tensor.ts";
import { differentiable, ints, node, nodes } from "../operator.ts";
import { frontAxis, requireDType, shapeError, withExtent } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { expand, expandDims, reshape } from "./shape.ts";

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
