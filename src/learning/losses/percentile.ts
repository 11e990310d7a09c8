import { add, mul, type Sym, slice, topK } from "../../graph/index.ts";

/** Percentiles of a vector, between two of its elements along a straight line. Shapes: x [N] → each [1]; shares from 0 to 1 */
export function percentiles(x: Sym, shares: readonly number[]): Sym[] {
  const count = x.extent(0);
  const [falling] = topK(x, count);
  const at = (rank: number) => slice(falling, 0, count - 1 - rank, count - rank);
  return shares.map((share) => {
    const place = share * (count - 1);
    const below = Math.min(Math.floor(place), count - 2);
    const beyond = place - below;
    return add(mul(at(below), 1 - beyond), mul(at(below + 1), beyond));
  });
}
