import { add, addAll, div, max, min, mul } from "../operators/arithmetic.ts";
import { sqrt } from "../operators/functions.ts";
import { sumSquares } from "../operators/reduction.ts";
import type { Sym } from "../sym.ts";

/** How gradients are limited before the update. */
export type Clipping =
  /** All gradients together are scaled down to this Euclidean norm. */
  | { readonly kind: "globalNorm"; readonly maxNorm: number }
  /** Each tensor's gradient is scaled down to this share of the tensor's own norm. */
  | { readonly kind: "adaptive"; readonly share: number; readonly minNorm: number };

export function globalNorm(maxNorm: number): Clipping {
  return { kind: "globalNorm", maxNorm };
}

/**
 * Source: Brock et al. 2021, arXiv:2102.06171, eq. 3. Differs: norms are taken per tensor and not per unit, as DreamerV3 does.
 */
export function adaptive(share = 0.3, minNorm = 1e-3): Clipping {
  return { kind: "adaptive", share, minNorm };
}

/** Keeps the division finite at norm zero, as PyTorch's clip_grad_norm_. */
const NORM_EPSILON = 1e-6;

/** Euclidean norm of all tensors together. */
export function normOf(tensors: readonly Sym[]): Sym {
  return sqrt(addAll(tensors.map((tensor) => sumSquares(tensor))));
}

/** Factor that brings a norm down to at most `maxNorm`. */
export function normScale(norm: Sym, maxNorm: number): Sym {
  return min(div(maxNorm, add(norm, NORM_EPSILON)), 1);
}

/** The gradient of one tensor after adaptive clipping. */
export function clipAdaptively(gradient: Sym, parameter: Sym, share: number, minNorm: number): Sym {
  const allowed = mul(max(normOf([parameter]), minNorm), share);
  return mul(gradient, min(div(allowed, add(normOf([gradient]), NORM_EPSILON)), 1));
}
