/** Where a bundle that does not say it takes the robot to slow down, as a share of its limit. */
const WARN_SHARE = 0.5;

/** Surprise above which the robot slows down; it stops above `surpriseLimit`. Infinity for a bundle that is not calibrated. */
export function surpriseWarnOf({
  surpriseWarn,
  surpriseLimit,
}: {
  readonly surpriseWarn?: number | undefined;
  readonly surpriseLimit: number | null;
}): number {
  return surpriseWarn ?? WARN_SHARE * (surpriseLimit ?? Number.POSITIVE_INFINITY);
}
