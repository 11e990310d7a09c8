/**
 * Smooth tests of the control suite: 1 inside the bounds, less with the distance from them, in [0, 1].
 *
 * Source: Tassa et al. 2018, arXiv:1801.00690, section 2 (reward); the sigmoids of dm_control's `rewards.tolerance`.
 */

/** Distance from [low, high] in margins. */
function distance(value: number, low: number, high: number, margin: number): number {
  return Math.max(low - value, value - high, 0) / margin;
}

/** 0.1 at one margin from the bounds. */
export function gaussianTolerance(value: number, low: number, high: number, margin: number): number {
  const scale = Math.sqrt(-2 * Math.log(0.1));
  return Math.exp(-0.5 * (distance(value, low, high, margin) * scale) ** 2);
}

/** 0 at one margin from the bounds and beyond. */
export function quadraticTolerance(value: number, low: number, high: number, margin: number): number {
  return Math.max(0, 1 - distance(value, low, high, margin) ** 2);
}

/** One half at one margin from the bounds, 0 at two and beyond. */
export function linearTolerance(value: number, low: number, high: number, margin: number): number {
  return Math.max(0, 1 - 0.5 * distance(value, low, high, margin));
}
