import { normalQuantile } from "./normal-quantile.ts";

/**
 * The value that a Student variable stays below with the given probability: within 3 % from 4 degrees of freedom on, for
 * probabilities within 0.0005 and 0.9995.
 *
 * Source: Abramowitz and Stegun 1964, 26.7.5.
 */
export function studentQuantile(probability: number, degreesOfFreedom: number): number {
  const x = normalQuantile(probability);
  const n = degreesOfFreedom;
  const g1 = (x ** 3 + x) / 4;
  const g2 = (5 * x ** 5 + 16 * x ** 3 + 3 * x) / 96;
  const g3 = (3 * x ** 7 + 19 * x ** 5 + 17 * x ** 3 - 15 * x) / 384;
  const g4 = (79 * x ** 9 + 776 * x ** 7 + 1482 * x ** 5 - 1920 * x ** 3 - 945 * x) / 92160;
  return x + g1 / n + g2 / n ** 2 + g3 / n ** 3 + g4 / n ** 4;
}
