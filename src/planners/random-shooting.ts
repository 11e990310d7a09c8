import { concat, erf, expandDims, mul, slice } from "../graph/index.ts";
import { cem } from "./cem.ts";
import type { SearchMethod } from "./search.ts";

/**
 * Random shooting: uniform proposals over [-1, 1], of which the best is played; the warm start is one of them, so that a
 * second iteration never makes the plan worse under the model.
 *
 * Source: Nagabandi et al. 2018, arXiv:1708.02596, section IV-C. Differs: the warm start takes part.
 */
export const randomShooting: SearchMethod = {
  defaults: { ...cem.defaults, horizon: 12, iterations: 1, candidates: 1000, elites: 1 },
  propose: (mean, _std, noise) => {
    const uniform = erf(mul(slice(noise, 1, 1), Math.SQRT1_2)); // 2Φ(x) - 1: a normal becomes uniform in (-1, 1)
    return concat([expandDims(mean, 1), uniform], 1);
  },
  weigh: cem.weigh,
};
