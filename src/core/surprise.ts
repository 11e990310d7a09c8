/** Where a bundle that does not say it takes the robot to slow down, as a share of its limit. */
const WARN_SHARE = 0.5;

/** What a bundle says about its surprise. */
export interface SurpriseCalibration {
  readonly surpriseWarn?: number | undefined;
  readonly surpriseLimit: number | null;
}

/** Surprise above which the robot slows down; it stops above `surpriseLimit`. Infinity for a bundle that is not calibrated. */
export function surpriseWarnOf({ surpriseWarn, surpriseLimit }: SurpriseCalibration): number {
  return surpriseWarn ?? WARN_SHARE * (surpriseLimit ?? Number.POSITIVE_INFINITY);
}

/**
 * One model's surprise in the unit of another's: where it warns the other does, and where it stops. As it is, unless both are calibrated.
 */
export function translateSurprise(surprise: number, from: SurpriseCalibration, to: SurpriseCalibration): number {
  if (from.surpriseLimit === null || to.surpriseLimit === null) return surprise;
  const [fromWarn, toWarn] = [surpriseWarnOf(from), surpriseWarnOf(to)];
  if (surprise <= fromWarn) return (surprise * toWarn) / fromWarn;
  return toWarn + ((surprise - fromWarn) * (to.surpriseLimit - toWarn)) / (from.surpriseLimit - fromWarn);
}
