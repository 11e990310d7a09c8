import { symexp } from "./symlog.ts";

/** `count` evenly spaced numbers from `low` to `high`, both included. */
export function evenBins(low: number, high: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
}

/** Bins that are even on the symlog scale, and so dense around zero. */
export function symexpBins(low: number, high: number, count: number): number[] {
  return evenBins(low, high, count).map(symexp);
}

/**
 * Weights of a number on sorted bins: shared between its two neighbours so that the weighted mean of the bins is the number;
 * all on the outermost bin for numbers beyond it.
 */
export function twoHot(x: number, bins: readonly number[]): Float32Array {
  const weights = new Float32Array(bins.length);
  const last = bins.length - 1;
  const above = bins.findIndex((bin) => bin >= x);
  if (above === 0) weights[0] = 1;
  else if (above < 0) weights[last] = 1;
  else {
    const share = (x - bins[above - 1]!) / (bins[above]! - bins[above - 1]!);
    weights[above - 1] = 1 - share;
    weights[above] = share;
  }
  return weights;
}
