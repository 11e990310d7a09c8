import { add, expand, expandDims, mul } from "../graph/index.ts";
import type { SearchMethod } from "./search.ts";

/**
 * Cross-entropy method: Gaussian proposals, refitted to the elites with equal weights.
 *
 * Source: Rubinstein 1997; in latent space Hafner et al. 2019, arXiv:1811.04551, algorithm 2, whose sizes are the defaults.
 */
export const cem: SearchMethod = {
  defaults: {
    horizon: 12,
    iterations: 10,
    candidates: 1000,
    policyCandidates: 0,
    elites: 100,
    discount: 1,
    temperature: 0,
    momentum: 0,
    minStd: 0,
    maxStd: 1,
    uncertaintyPenalty: 0,
  },
  propose: (mean, std, noise) => add(expandDims(mean, 1), mul(expandDims(std, 1), noise)),
  weigh: (returns) => expand(returns.graph.scalar(1 / returns.size), returns.shape),
};
