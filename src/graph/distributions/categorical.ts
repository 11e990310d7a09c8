import { add, mul, neg, sub } from "../operators/arithmetic.ts";
import { log } from "../operators/functions.ts";
import { hardMax } from "../operators/indexing.ts";
import { logSoftmax, softmax } from "../operators/normalization.ts";
import { sum } from "../operators/reduction.ts";
import { clip, straightThrough } from "../operators/selection.ts";
import type { Sym } from "../sym.ts";
import { type Distribution, sumEvent } from "./distribution.ts";

export interface CategoricalOptions {
  /** Share of the uniform distribution mixed in, so that no probability reaches zero. */
  readonly unimix?: number;
  /** Axes before that of the classes that form one outcome, as 1 for a latent of several categoricals. */
  readonly eventRank?: number;
}

export interface Categorical extends Distribution {
  readonly probabilities: Sym;
  readonly logProbabilities: Sym;
  /** A sample from noise that gumbelNoise has prepared: for a recurrence, prepare the noise of all steps at once. */
  sampleWith(gumbel: Sym): Sym;
  entropy(): Sym;
  /** E over this of log this - log other. */
  kl(other: Categorical): Sym;
}

/** Keeps both logarithms of the Gumbel noise finite in float32. */
const NOISE_MARGIN = 1e-7;

/**
 * Distributions over classes; values are one-hot. A sample is drawn by the Gumbel-max trick from uniform noise, and passes
 * gradients straight through to the probabilities.
 *
 * Shapes: logits, noise, values [..., classes]; logProb, entropy, kl [...]
 * Source: straight-through samples: Hafner et al. 2021, arXiv:2010.02193, algorithm 1; unimix: arXiv:2301.04104.
 */
export function categorical(logits: Sym, { unimix = 0, eventRank = 0 }: CategoricalOptions = {}): Categorical {
  const classes = logits.extent(-1);
  const probabilities = unimix === 0 ? softmax(logits) : add(mul(softmax(logits), 1 - unimix), unimix / classes);
  const logProbabilities = unimix === 0 ? logSoftmax(logits) : log(probabilities);
  const sampleWith = (gumbel: Sym) => straightThrough(hardMax(add(logProbabilities, gumbel)), probabilities);
  const expected = (values: Sym) => sumEvent(sum(mul(probabilities, values), -1), eventRank);
  return {
    probabilities,
    logProbabilities,
    mode: () => straightThrough(hardMax(logProbabilities), probabilities),
    sample: (noise) => sampleWith(gumbelNoise(noise)),
    sampleWith,
    logProb: (value) => sumEvent(sum(mul(value, logProbabilities), -1), eventRank),
    entropy: () => neg(expected(logProbabilities)),
    kl: (other) => expected(sub(logProbabilities, other.logProbabilities)),
  };
}

/** Uniform noise as standard Gumbel noise. */
export function gumbelNoise(uniform: Sym): Sym {
  return neg(log(neg(log(clip(uniform, NOISE_MARGIN, 1 - NOISE_MARGIN)))));
}
