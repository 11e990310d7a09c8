import { add, less, mul, sub, where } from "../operators/index.ts";
import type { Sym } from "../sym.ts";

/** Uniform noise in [0, 1). Shapes: rows [..., N, 1], units [..., 1, U] */
export interface DropoutNoise {
  readonly rows: Sym;
  readonly units: Sym;
}

/**
 * Silences a share of a layer's units in every row; the others count more in their place.
 *
 * Shapes: x [..., N, U] → [..., N, U]
 * Source: Srivastava et al. 2014. Differs: one number per row and one per unit decide, frac(row + unit) < share, where the paper
 * draws one per element: any two decisions are independent all the same, and the noise is N + U numbers instead of N · U.
 */
export function dropout(x: Sym, { rows, units }: DropoutNoise, share: number): Sym {
  const sum = add(rows, units);
  const place = where(less(sum, 1), sum, sub(sum, 1));
  return mul(where(less(place, share), 0, x), 1 / (1 - share));
}
