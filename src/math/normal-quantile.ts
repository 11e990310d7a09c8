/** Coefficients of numerator and denominator, lowest power first. */
type Rational = readonly [numerator: readonly number[], denominator: readonly number[]];

const CENTER: Rational = [
  [3.3871327179, 50.434271938, 159.29113202, 59.10937472],
  [1, 17.895169469, 78.757757664, 67.1875636],
];
const TAIL: Rational = [
  [1.4234372777, 2.75681539, 1.3067284816, 0.17023821103],
  [1, 0.737001642, 0.12021132975],
];
const FAR_TAIL: Rational = [
  [6.657905115, 3.081226386, 0.42868294337, 0.017337203997],
  [1, 0.24197894225, 0.012258202635],
];

/**
 * The value that a standard normal variable stays below with the given probability, to seven digits.
 *
 * Source: Wichura 1988, Applied Statistics 37, 477–484, algorithm AS 241 (PPND7).
 * @param probability in (0, 1); NaN elsewhere
 */
export function normalQuantile(probability: number): number {
  const fromCenter = probability - 0.5;
  if (Math.abs(fromCenter) <= 0.425) return fromCenter * ratio(CENTER, 0.180625 - fromCenter * fromCenter);
  const root = Math.sqrt(-Math.log(Math.min(probability, 1 - probability)));
  const size = root <= 5 ? ratio(TAIL, root - 1.6) : ratio(FAR_TAIL, root - 5);
  return Math.sign(fromCenter) * size;
}

function ratio([numerator, denominator]: Rational, x: number): number {
  return horner(numerator, x) / horner(denominator, x);
}

function horner(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}
