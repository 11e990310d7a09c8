import { LatentloopError } from "../../core/errors.ts";
import { evenBins, symexpBins } from "../../math/two-hot.ts";
import { add, min, mul, neg, sub } from "../operators/arithmetic.ts";
import { symexp, symlog } from "../operators/functions.ts";
import { sum } from "../operators/reduction.ts";
import { clip } from "../operators/selection.ts";
import { expandDims } from "../operators/shape.ts";
import { reverse } from "../operators/slicing.ts";
import type { Sym } from "../sym.ts";
import { type Categorical, categorical } from "./categorical.ts";
import type { Distribution } from "./distribution.ts";

export interface TwoHotOptions {
  /** Outermost bins on the symlog scale. */
  readonly low: number;
  readonly high: number;
  /**
   * Where the bins are even and expectations are taken: `symlog` compresses targets and expands predictions (TD-MPC2);
   * `raw` puts exponentially spaced bins on the original scale (DreamerV3).
   */
  readonly space: "symlog" | "raw";
}

/** A number predicted as a distribution over fixed bins. */
export interface TwoHot extends Distribution {
  /** Which bin. */
  readonly choice: Categorical;
  /** The expected number. */
  mean(): Sym;
  /** The number of the likeliest bin. */
  mode(): Sym;
  /** The number of a bin drawn with uniform noise of the logits' shape. */
  sample(noise: Sym): Sym;
  /** Minus the cross-entropy with the two-hot weights of the value. */
  logProb(value: Sym): Sym;
  entropy(): Sym;
  kl(other: TwoHot): Sym;
}

/**
 * Discrete regression: a softmax over bins, trained towards the two bins around a target.
 *
 * Shapes: logits [..., bins]; values, mean, logProb [...]
 * Source: Imani and White 2018, arXiv:1806.04613; Hafner et al. 2023, arXiv:2301.04104, eq. 10; Hansen et al. 2023,
 * arXiv:2310.16828.
 */
export function twoHot(logits: Sym, options: TwoHotOptions): TwoHot {
  const count = logits.extent(-1);
  const { low, high, space } = options;
  const symlogSpace = space === "symlog";
  if (!symlogSpace && low !== -high) {
    throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected raw bins around zero but received ${low} to ${high}.`);
  }
  const places = symlogSpace ? evenBins(low, high, count) : symexpBins(low, high, count);
  const bins = logits.graph.constant(places, [count]);
  const choice = categorical(logits);
  const { probabilities, logProbabilities } = choice;
  const toNumber = (oneHot: Sym) => {
    const place = sum(mul(oneHot, bins), -1);
    return symlogSpace ? symexp(place) : place;
  };
  const mean = () => {
    if (symlogSpace) return toNumber(probabilities);
    // Half the difference to the mirror image: the outer bins are so large that a plain sum of equal weights is not zero.
    return sum(mul(sub(probabilities, reverse(probabilities, -1)), mul(bins, 0.5)), -1);
  };
  return {
    choice,
    mean,
    mode: () => toNumber(choice.mode()),
    sample: (noise) => toNumber(choice.sample(noise)),
    logProb: (value) => sum(mul(twoHotWeights(symlogSpace ? symlog(value) : value, places), logProbabilities), -1),
    entropy: choice.entropy,
    kl: (other) => choice.kl(other.choice),
  };
}

/**
 * Weights of numbers on sorted bins as overlapping tents, so without a scatter: each bin's weight falls to zero at its
 * neighbours, and numbers beyond the outermost bins count as those.
 *
 * Shapes: x [...] → [..., bins]
 */
export function twoHotWeights(x: Sym, bins: readonly number[]): Sym {
  const count = bins.length;
  const [first, last] = [bins[0], bins[count - 1]];
  if (first === undefined || last === undefined || !(first < last)) {
    throw new LatentloopError("ERR_INVALID_ARGUMENT", `Expected at least two rising bins but received [${bins}].`);
  }
  const inside = expandDims(clip(x, first, last), -1);
  // Rising flank of bin i: (x - b[i-1]) / (b[i] - b[i-1]); falling: (b[i+1] - x) / (b[i+1] - b[i]); flat at both ends.
  const rise = bins.map((bin, i) => (i === 0 ? 0 : 1 / (bin - bins[i - 1]!)));
  const fall = bins.map((bin, i) => (i === count - 1 ? 0 : 1 / (bins[i + 1]! - bin)));
  const riseStart = bins.map((_, i) => (i === 0 ? 1 : -bins[i - 1]! * rise[i]!));
  const fallStart = bins.map((_, i) => (i === count - 1 ? 1 : bins[i + 1]! * fall[i]!));
  const vector = (values: readonly number[]) => x.graph.constant(values, [count]);
  const rising = add(mul(inside, vector(rise)), vector(riseStart));
  const falling = add(neg(mul(inside, vector(fall))), vector(fallStart));
  return clip(min(rising, falling), 0, 1);
}
