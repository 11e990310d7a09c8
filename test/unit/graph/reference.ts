import { elementCount, type Shape } from "../../../src/core/tensor.ts";

/** A tensor as plain numbers, for operators written out index by index. */
export interface Reference {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/** Every index of a shape, in row-major order. */
export function* indicesOf(shape: Shape): Generator<number[]> {
  const index = shape.map(() => 0);
  for (let count = elementCount(shape); count > 0; count--) {
    yield [...index];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
}

/** The element at an index; axes are aligned at the end, and axes of extent 1 repeat. */
export function elementAt({ shape, data }: Reference, index: readonly number[]): number {
  let offset = 0;
  for (const [axis, extent] of shape.entries()) {
    const i = index[index.length - shape.length + axis]!;
    offset = offset * extent + (extent === 1 ? 0 : i);
  }
  return data[offset]!;
}

export function fill(shape: Shape, value: (index: readonly number[]) => number): Reference {
  return { shape, data: Array.from(indicesOf(shape), value) };
}

/** Reduces the lists of elements that share an index after the axes are dropped or kept as ones. */
export function reduceBy(
  x: Reference,
  axes: readonly number[],
  keepDims: boolean,
  reduce: (elements: readonly number[]) => number,
): Reference {
  const inner = axes.map((axis) => x.shape[axis]!);
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const values = Array.from(indicesOf(kept), (index) =>
    reduce(
      Array.from(indicesOf(inner), (part) => {
        const full = index.map((i, axis) => (axes.includes(axis) ? part[axes.indexOf(axis)]! : i));
        return elementAt(x, full);
      }),
    ),
  );
  return { shape: keepDims ? kept : x.shape.filter((_, axis) => !axes.includes(axis)), data: values };
}
