import { lift, node } from "../operator.ts";
import { broadcastOf, requireDType } from "../shapes.ts";
import type { Operand, Sym } from "../sym.ts";

/** Comparisons have no gradient: they yield bool. */
function comparison(type: string) {
  return (left: Operand, right: Operand): Sym => {
    const operands = lift(type, [left, right]);
    return node(type, operands, broadcastOf(type, operands), { dtype: "bool" });
  };
}

export const greater = comparison("Greater");
export const greaterOrEqual = comparison("GreaterOrEqual");
export const less = comparison("Less");
export const lessOrEqual = comparison("LessOrEqual");
export const equal = comparison("Equal");

function logical(type: string) {
  return (a: Sym, b: Sym): Sym => {
    for (const operand of [a, b]) requireDType(type, operand, "bool");
    return node(type, [a, b], broadcastOf(type, [a, b]), { dtype: "bool" });
  };
}

export const and = logical("And");
export const or = logical("Or");

export function not(x: Sym): Sym {
  requireDType("Not", x, "bool");
  return node("Not", [x], x.shape, { dtype: "bool" });
}
