import { mul, softmax } from "../graph/index.ts";
import { cem } from "./cem.ts";
import type { SearchMethod } from "./search.ts";

/**
 * Model predictive path integral control: Gaussian proposals, refitted to the elites weighted by exp(temperature · return).
 *
 * Source: Williams et al. 2015, arXiv:1509.01149; with elites, momentum and a policy prior Hansen et al. 2022,
 * arXiv:2203.04955, algorithm 1. Defaults of TD-MPC2, arXiv:2310.16828, without the policy prior, which not every model has.
 */
export const mppi: SearchMethod = {
  defaults: {
    horizon: 3,
    iterations: 6,
    candidates: 512,
    policyCandidates: 0,
    elites: 64,
    discount: 0.99,
    temperature: 0.5,
    momentum: 0,
    minStd: 0.05,
    maxStd: 2,
    uncertaintyPenalty: 0,
  },
  propose: cem.propose,
  weigh: (returns, { temperature }) => softmax(mul(returns, temperature)),
};
