/** A threshold and the share of fresh scores that exceed it at most, on average. */
export interface ConformalThreshold {
  readonly threshold: number;
  readonly falseAlarmRate: number;
}

/**
 * The split conformal threshold: a fresh score from where the given ones came from exceeds it with at most the asked probability.
 *
 * Too few scores cannot vouch for a small rate: then it is the largest of them, with the rate 1 / (n + 1) that they do vouch for.
 * Source: Vovk et al. 2005, Algorithmic Learning in a Random World, section 4.2; Lei et al. 2018, arXiv:1604.04173, eq. 3.
 * It holds for exchangeable scores. The steps of an episode hang together, so there it is a rate on average over many episodes.
 */
export function conformalThreshold(scores: ArrayLike<number>, falseAlarmRate: number): ConformalThreshold {
  const sorted = Float64Array.from(scores).sort();
  const count = sorted.length;
  const rank = Math.ceil((count + 1) * (1 - falseAlarmRate));
  if (rank <= count) return { threshold: sorted[rank - 1] ?? Number.NaN, falseAlarmRate };
  return { threshold: sorted[count - 1] ?? Number.NaN, falseAlarmRate: 1 / (count + 1) };
}
