/**
 * The highest speed a joint may take for one period so that braking from the next period on still stops it within `gap`.
 *
 * With u = acceleration · period the speeds v, v - u, v - 2u, … cover period · ((n + 1) · r + u · n · (n + 1) / 2), where
 * v = n · u + r and 0 ≤ r < u. This is the exact inverse in discrete time: the last braked step ends on the limit, not past it.
 *
 * Units: gap rad or m, acceleration per s², period s → rad/s or m/s. Timing: safe in the control loop.
 */
export function fastestStoppableSpeed(gap: number, acceleration: number, periodS: number): number {
  if (!(gap > 0)) return 0;
  const decrement = acceleration * periodS;
  const steps = gap / (periodS * decrement);
  if (steps > 1e15) return Number.POSITIVE_INFINITY; // a continuous joint: no limit, and no overflow below
  const n = Math.floor((Math.sqrt(1 + 8 * steps) - 1) / 2);
  return n * decrement + (gap / periodS - (decrement * n * (n + 1)) / 2) / (n + 1);
}

/** The velocity after one period of the hardest braking allowed. */
export function brakedVelocity(velocity: number, decrement: number): number {
  return velocity > 0 ? Math.max(0, velocity - decrement) : Math.min(0, velocity + decrement);
}
