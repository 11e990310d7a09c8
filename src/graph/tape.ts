import type { Sym } from "./sym.ts";

/** The gradient of a weight matrix, or a stack of them, before it is computed: leftᵀ · right, both with one row per sample. */
export interface OuterProduct {
  readonly kind: "outer";
  readonly left: Sym;
  readonly right: Sym;
}

/** The gradient of a bias or gain before it is computed: the sum over the rows of a matrix, or of a stack of them. */
export interface RowSum {
  readonly kind: "rows";
  readonly rows: Sym;
}

/**
 * What a gradient rule hands back for one operand. The unevaluated forms let a weight that is used T times get one
 * product over T·B rows instead of T small products and T-1 additions.
 */
export type Cotangent = Sym | OuterProduct | RowSum | undefined;

/** One differentiable application: what went in, what came out, and how cotangents go back. */
export interface TapeEntry {
  readonly operator: string;
  readonly operands: readonly (Sym | undefined)[];
  readonly outputs: readonly Sym[];
  readonly scope: string;
  /** Cotangents of the operands, in their order, from those of the outputs (undefined where nothing flowed). */
  readonly gradient: (outputs: readonly (Sym | undefined)[]) => readonly Cotangent[];
}

export function outerProduct(left: Sym, right: Sym): OuterProduct {
  return { kind: "outer", left, right };
}

export function rowSum(rows: Sym): RowSum {
  return { kind: "rows", rows };
}
