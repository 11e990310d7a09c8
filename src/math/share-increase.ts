import { studentQuantile } from "./student-quantile.ts";

/**
 * By how much a share has grown at least: the lower confidence limit of the difference of two means.
 *
 * It lies above the true increase with about the asked probability, at most. The values, each a share of its own, have to be
 * independent, but may vary however they do.
 * Source: Welch 1947, Biometrika 34, 28–35. Differs: as Agresti and Caffo 2000, The American Statistician 54, 280–288, do for
 * yes and no, a 0 and a 1 are added to either side, so that a few values that happen to be alike do not pass for certain.
 * @param before at least one value between 0 and 1, as in `now` @param errorRate in (0, 0.5)
 */
export function leastIncrease(before: readonly number[], now: readonly number[], errorRate: number): number {
  const [from, to] = [estimate(before), estimate(now)];
  const variance = from.variance + to.variance;
  const freedom = variance ** 2 / (from.variance ** 2 / (from.count - 1) + to.variance ** 2 / (to.count - 1));
  return to.mean - from.mean + studentQuantile(errorRate, freedom) * Math.sqrt(variance);
}

/** A mean, and the variance of the mean. */
function estimate(shares: readonly number[]): { mean: number; variance: number; count: number } {
  const values = [...shares, 0, 1];
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: squares / (count - 1) / count, count };
}
