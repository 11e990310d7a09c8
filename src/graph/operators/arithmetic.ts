import { differentiable, lift, node } from "../operator.ts";
import { broadcastOf } from "../shapes.ts";
import type { Operand, Sym } from "../sym.ts";
import { lessOrEqual } from "./comparison.ts";
import { sumTo } from "./reduction.ts";
import { where } from "./selection.ts";

interface BinaryCall {
  readonly a: Sym;
  readonly b: Sym;
  readonly y: Sym;
  readonly dy: Sym;
}

/** A broadcasting operator of two operands; its rule gives the cotangents before they are summed back to each shape. */
function binary(type: string, rule: (call: BinaryCall) => readonly [Sym, Sym]) {
  return differentiable<[left: Operand, right: Operand], Sym>(type, (left, right) => {
    const [a, b] = lift(type, [left, right]) as [Sym, Sym];
    const y = node(type, [a, b], broadcastOf(type, [a, b]), { dtype: a.dtype });
    return {
      operands: [a, b],
      value: y,
      gradient: (dy) => {
        const [da, db] = rule({ a, b, y, dy });
        return [sumTo(da, a.shape), sumTo(db, b.shape)];
      },
    };
  });
}

export const add = binary("Add", ({ dy }) => [dy, dy]);
export const sub = binary("Sub", ({ dy }) => [dy, neg(dy)]);
export const mul = binary("Mul", ({ a, b, dy }) => [mul(dy, b), mul(dy, a)]);
export const div = binary("Div", ({ b, y, dy }) => {
  const da = div(dy, b);
  return [da, neg(mul(da, y))];
});

/** The larger of two; where they are equal the first operand takes the whole gradient. */
export const max = binary("Max", ({ a, b, dy }) => {
  const first = lessOrEqual(b, a);
  return [where(first, dy, 0), where(first, 0, dy)];
});

/** The smaller of two; where they are equal the first operand takes the whole gradient. */
export const min = binary("Min", ({ a, b, dy }) => {
  const first = lessOrEqual(a, b);
  return [where(first, dy, 0), where(first, 0, dy)];
});

export const neg: (x: Sym) => Sym = differentiable("Neg", (x) => ({
  operands: [x],
  value: node("Neg", [x], x.shape, { dtype: x.dtype }),
  gradient: (dy) => [neg(dy)],
}));

export const square: (x: Sym) => Sym = differentiable("Square", (x) => ({
  operands: [x],
  value: node("Mul", [x, x], x.shape, { dtype: x.dtype }),
  gradient: (dy) => [mul(dy, mul(x, 2))],
}));

/** x to a constant power. */
export const pow: (x: Sym, exponent: number) => Sym = differentiable("Pow", (x, exponent) => ({
  operands: [x],
  value: node("Pow", [x, x.graph.scalar(exponent)], x.shape),
  gradient: (dy) => [mul(dy, mul(pow(x, exponent - 1), exponent))],
}));

/** Sum of several values of compatible shapes. */
export function addAll(parts: readonly Sym[]): Sym {
  return parts.reduce((total, part) => add(total, part));
}
