import { LatentloopError } from "../core/errors.ts";
import { type DType, formatShape, type Shape, sameShape } from "../core/tensor.ts";
import { Sym } from "./sym.ts";

/** A shape error that names the operation, the layer and the shapes it was given. */
export function shapeError(operation: string, expected: string, operands: readonly (Sym | Shape)[]): LatentloopError {
  const sym = operands.find((operand) => operand instanceof Sym);
  const where = sym instanceof Sym && sym.graph.scopePath !== "" ? ` in ${sym.graph.scopePath}` : "";
  const received = operands
    .map((operand) => formatShape(operand instanceof Sym ? operand.shape : operand))
    .join(" and ");
  return new LatentloopError(
    "ERR_SHAPE_MISMATCH",
    `Expected ${expected} for ${operation}${where} but received ${received}.`,
  );
}

/** @throws ERR_DTYPE_MISMATCH if the operand has none of the element types */
export function requireDType(operation: string, sym: Sym, ...dtypes: readonly DType[]): void {
  if (dtypes.includes(sym.dtype)) return;
  const where = sym.graph.scopePath === "" ? "" : ` in ${sym.graph.scopePath}`;
  throw new LatentloopError(
    "ERR_DTYPE_MISMATCH",
    `Expected ${dtypes.join(" or ")} for ${operation}${where} but "${sym.name}" is ${sym.dtype}.`,
    { remedy: `Convert with cast(x, "${dtypes[0]}").` },
  );
}

/** @throws ERR_SHAPE_MISMATCH if the tensor has another shape */
export function requireShape(operation: string, x: Sym, shape: Shape): void {
  if (!sameShape(x.shape, shape)) throw shapeError(operation, formatShape(shape), [x]);
}

/** The shape that both broadcast to by NumPy's rule, or undefined if there is none. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1;
    const y = b[b.length - i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    out[rank - i] = x === 1 ? y : x;
  }
  return out;
}

/** @throws ERR_SHAPE_MISMATCH if the operands do not broadcast together */
export function broadcastOf(operation: string, operands: readonly Sym[]): Shape {
  let shape: Shape = [];
  for (const operand of operands) {
    const next = broadcastShapes(shape, operand.shape);
    if (!next) throw shapeError(operation, "shapes that broadcast together", operands);
    shape = next;
  }
  return shape;
}

/**
 * Axes counted from the front; without any, all of them.
 * @throws ERR_SHAPE_MISMATCH if the tensor has no such axis
 */
export function frontAxes(operation: string, x: Sym, axes?: number | readonly number[]): number[] {
  const wanted = axes === undefined ? x.shape.map((_, axis) => axis) : typeof axes === "number" ? [axes] : axes;
  return wanted.map((axis) => {
    const front = axis < 0 ? axis + x.rank : axis;
    if (!Number.isInteger(axis) || front < 0 || front >= x.rank)
      throw shapeError(operation, `a tensor with an axis ${axis}`, [x]);
    return front;
  });
}

export function frontAxis(operation: string, x: Sym, axis: number): number {
  return frontAxes(operation, x, axis)[0]!;
}

/** The shape after reducing over the axes, kept as ones or dropped. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  return keepDims ? shape.map((n, i) => (axes.includes(i) ? 1 : n)) : shape.filter((_, i) => !axes.includes(i));
}

export function withExtent(shape: Shape, axis: number, extent: number): Shape {
  return shape.map((n, i) => (i === axis ? extent : n));
}
