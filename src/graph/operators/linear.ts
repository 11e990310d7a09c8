import { sameShape } from "../../core/tensor.ts";
import { differentiable, node } from "../operator.ts";
import { broadcastShapes, requireShape, shapeError, withExtent } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { outerProduct, rowSum } from "../tape.ts";
import { sumTo } from "./reduction.ts";
import { reshape, transposeMatrix } from "./shape.ts";

export interface GemmOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/**
 * Product of two matrices, plus a bias row.
 *
 * Shapes: a [M, K], b [K, N] (either transposed by option), bias [N] → [M, N]
 */
export const gemm: (a: Sym, b: Sym, bias?: Sym, options?: GemmOptions) => Sym = differentiable(
  "Gemm",
  (a, b, bias, options = {}) => {
    const { transposeA = false, transposeB = false } = options;
    const [m, k] = transposeA ? [a.extent(1), a.extent(0)] : [a.extent(0), a.extent(1)];
    const [kb, n] = transposeB ? [b.extent(1), b.extent(0)] : [b.extent(0), b.extent(1)];
    if (a.rank !== 2 || b.rank !== 2 || k !== kb) {
      throw shapeError(
        "Gemm",
        `matrices with equal inner extents${transposeA ? ", a transposed" : ""}${transposeB ? ", b transposed" : ""}`,
        [a, b],
      );
    }
    if (bias && (bias.rank !== 1 || bias.extent(0) !== n)) throw shapeError("Gemm", `a bias of ${n} elements`, [bias]);
    return {
      operands: [a, b, bias],
      value: node("Gemm", bias ? [a, b, bias] : [a, b], [m, n], {
        attributes: { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 },
      }),
      gradient: (dy) => [
        transposeA
          ? gemm(b, dy, undefined, { transposeA: transposeB, transposeB: true })
          : gemm(dy, b, undefined, { transposeB: !transposeB }),
        transposeA || transposeB ? matrixCotangent(a, dy, transposeA, transposeB) : outerProduct(a, dy),
        bias && rowSum(dy),
      ],
    };
  },
);

/** Cotangent of b where one operand of the product was transposed. */
function matrixCotangent(a: Sym, dy: Sym, transposeA: boolean, transposeB: boolean): Sym {
  return transposeB
    ? gemm(dy, a, undefined, { transposeA: true, transposeB: transposeA })
    : gemm(a, dy, undefined, { transposeA: !transposeA });
}

/**
 * Product of stacks of matrices, leading axes broadcast.
 *
 * Shapes: a [..., M, K], b [..., K, N] → [..., M, N]
 */
export const matmul: (a: Sym, b: Sym) => Sym = differentiable("MatMul", (a, b) => {
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (a.rank < 2 || b.rank < 2 || !batch || a.extent(-1) !== b.extent(-2)) {
    throw shapeError("MatMul", "stacks of matrices with equal inner extents", [a, b]);
  }
  return {
    operands: [a, b],
    value: node("MatMul", [a, b], [...batch, a.extent(-2), b.extent(-1)]),
    gradient: (dy) => {
      const stacked = sameShape(a.shape.slice(0, -2), batch) && sameShape(b.shape.slice(0, -2), batch);
      return [
        sumTo(matmul(dy, transposeMatrix(b)), a.shape),
        stacked ? outerProduct(a, dy) : sumTo(matmul(transposeMatrix(a), dy), b.shape),
      ];
    },
  };
});

/**
 * x · weight + bias over the last axis.
 *
 * Shapes: x [..., I], weight [I, O] (PyTorch stores it transposed), bias [O] → [..., O]
 */
export function linear(x: Sym, weight: Sym, bias?: Sym): Sym {
  if (x.extent(-1) !== weight.extent(0))
    throw shapeError("Linear", "a last extent equal to the weight's first", [x, weight]);
  const rows = reshape(x, [-1, x.extent(-1)]);
  return reshape(gemm(rows, weight, bias), [...x.shape.slice(0, -1), weight.extent(1)]);
}

/**
 * One linear layer per ensemble member, as one batched product.
 *
 * Shapes: x [E, B, I] or [1, B, I] shared by all, weight [E, I, O], bias [E, 1, O] → [E, B, O]
 */
export function ensembleLinear(x: Sym, weight: Sym, bias?: Sym): Sym {
  const y = matmul(x, weight);
  return bias ? addRowVectors(y, bias) : y;
}

/** Shapes: x [E, B, O], bias [E, 1, O] → [E, B, O] */
const addRowVectors: (x: Sym, bias: Sym) => Sym = differentiable("AddRowVectors", (x, bias) => {
  requireShape("EnsembleLinear", bias, withExtent(x.shape, x.rank - 2, 1));
  return {
    operands: [x, bias],
    value: node("Add", [x, bias], x.shape),
    gradient: (dy) => [dy, rowSum(dy)],
  };
});
