import { type Shape, sameShape } from "../../core/tensor.ts";
import { differentiable, ints, node, nodes } from "../operator.ts";
import { frontAxis, requireDType, shapeError, withExtent } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { equal } from "./comparison.ts";
import { cast, expand, expandDims, transpose } from "./shape.ts";

function zeros(like: Sym, shape: Shape): Sym {
  return expand(like.graph.scalar(0), shape);
}

/** Takes whole slices along an axis: the axis is replaced by the indices' shape. */
export const gather: (x: Sym, indices: Sym, axis?: number) => Sym = differentiable("Gather", (x, indices, axis = 0) => {
  requireDType("Gather", indices, "int64", "int32");
  const front = frontAxis("Gather", x, axis);
  const shape = [...x.shape.slice(0, front), ...indices.shape, ...x.shape.slice(front + 1)];
  return {
    operands: [x],
    value: node("Gather", [x, indices], shape, { attributes: { axis: front }, dtype: x.dtype }),
    gradient: (dy) => {
      // Slices to the front, added where they came from, and back.
      const others = x.shape.map((_, i) => i).filter((i) => i !== front);
      const places = indices.shape.map((_, i) => front + i);
      const rest = dy.shape.map((_, i) => i).filter((i) => !places.includes(i));
      const updates = transpose(dy, [...places, ...rest]);
      const target = zeros(x, [x.extent(front), ...others.map((i) => x.shape[i]!)]);
      const added = node("ScatterND", [target, expandDims(cast(indices, "int64"), -1), updates], target.shape, {
        attributes: { reduction: "add" },
      });
      const back = x.shape.map((_, i) => (i === front ? 0 : others.indexOf(i) + 1));
      return [transpose(added, back)];
    },
  };
});

/** One slice along an axis, which is dropped; the index is a number or a scalar integer. */
export function at(x: Sym, index: number | Sym, axis = 0): Sym {
  return gather(x, typeof index === "number" ? x.graph.scalar(index, "int64") : index, axis);
}

/** For each place the element that its index names along an axis, as NumPy's take_along_axis. */
export const takeAlongAxis: (x: Sym, indices: Sym, axis: number) => Sym = differentiable(
  "GatherElements",
  (x, indices, axis) => {
    requireDType("GatherElements", indices, "int64", "int32");
    const front = frontAxis("GatherElements", x, axis);
    if (indices.rank !== x.rank || !sameShape(withExtent(indices.shape, front, 0), withExtent(x.shape, front, 0))) {
      throw shapeError("GatherElements", `shapes that differ only along axis ${axis}`, [x, indices]);
    }
    return {
      operands: [x],
      value: node("GatherElements", [x, indices], indices.shape, { attributes: { axis: front }, dtype: x.dtype }),
      gradient: (dy) => [scatterAdd(zeros(x, x.shape), indices, dy, front)],
    };
  },
);

/** `x` with each update added at the place that its index names along an axis. */
export const scatterAdd: (x: Sym, indices: Sym, updates: Sym, axis: number) => Sym = differentiable(
  "ScatterElements",
  (x, indices, updates, axis) => {
    requireDType("ScatterElements", indices, "int64", "int32");
    const front = frontAxis("ScatterElements", x, axis);
    if (!sameShape(indices.shape, updates.shape) || indices.rank !== x.rank) {
      throw shapeError("ScatterElements", "indices and updates of one shape and the target's rank", [
        x,
        indices,
        updates,
      ]);
    }
    return {
      operands: [x, updates],
      value: node("ScatterElements", [x, indices, updates], x.shape, { attributes: { axis: front, reduction: "add" } }),
      gradient: (dy) => [dy, takeAlongAxis(dy, indices, front)],
    };
  },
);

/**
 * The k largest (or smallest) elements along an axis, sorted, and their indices.
 * @throws ERR_SHAPE_MISMATCH if the axis has fewer than k elements
 */
export const topK: (
  x: Sym,
  k: number,
  axis?: number,
  options?: { readonly largest?: boolean },
) => readonly [values: Sym, indices: Sym] = differentiable("TopK", (x, k, axis = -1, options = {}) => {
  const front = frontAxis("TopK", x, axis);
  if (k > x.extent(front)) throw shapeError("TopK", `at least ${k} elements along axis ${axis}`, [x]);
  const shape = withExtent(x.shape, front, k);
  const attributes = { axis: front, largest: options.largest === false ? 0 : 1, sorted: 1 };
  const [values, indices] = nodes(
    "TopK",
    [x, ints(x, [k])],
    [
      [shape, x.dtype],
      [shape, "int64"],
    ],
    attributes,
  ) as [Sym, Sym];
  return {
    operands: [x],
    value: [values, indices] as const,
    gradient: ([dy]) => [dy && scatterAdd(zeros(x, x.shape), indices, dy, front)],
  };
});

/** Index of the largest element along an axis, which is dropped; the first of equals. */
export function argMax(x: Sym, axis = -1): Sym {
  const front = frontAxis("ArgMax", x, axis);
  const shape = x.shape.filter((_, i) => i !== front);
  return node("ArgMax", [x], shape, { attributes: { axis: front, keepdims: 0 }, dtype: "int64" });
}

/** 1 at the largest element of each row and 0 elsewhere; the first of equals. */
export function hardMax(x: Sym): Sym {
  const classes = x.graph.constant([...Array(x.extent(-1)).keys()], [x.extent(-1)], "int64");
  const winner = node("ArgMax", [x], withExtent(x.shape, x.rank - 1, 1), {
    attributes: { axis: x.rank - 1, keepdims: 1 },
    dtype: "int64",
  });
  return cast(equal(winner, classes), "float32");
}

/** 1 at each index along a new last axis, else 0. */
export function oneHot(indices: Sym, depth: number): Sym {
  requireDType("OneHot", indices, "int64", "int32");
  const classes = indices.graph.constant([...Array(depth).keys()], [depth], indices.dtype);
  return cast(equal(expandDims(indices, -1), classes), "float32");
}
