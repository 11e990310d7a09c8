import { add, argMax, clip, concat, erf, gather, log, mul, neg, reshape, type Sym, slice } from "../../graph/index.ts";
import type { PlannerConfig } from "../../planners/index.ts";
import { mppi } from "../../planners/mppi.ts";
import { noiseCounts, search } from "../../planners/search.ts";
import type { BundleGraphDefinition } from "../../world-models/bundle-graphs.ts";
import type { LatentModel } from "../../world-models/world-model.ts";

/** Keeps the logarithm finite where a normal lies further out than float32 can tell from certainty. */
const LEAST_CHANCE = 1e-6;

/**
 * The bundle's `plan`, but its first action is drawn: one of the elites by its weight, and noise of the plan's deviation.
 *
 * Source: the authors' code of arXiv:2310.16828, which draws so while it collects.
 */
export function exploringPlan(
  build: (parameters: Parameters<BundleGraphDefinition>[0]) => LatentModel,
  config: PlannerConfig,
): BundleGraphDefinition {
  return (parameters) => {
    const { graph } = parameters;
    graph.withoutGradient(() => {
      const model = build(parameters);
      const { actionSize } = model;
      const latent = graph.input("latent", [1, model.latentSize]);
      graph.input("in_flight_action", [1, actionSize]);
      graph.input("in_flight_fraction", [1, 1]);
      const previousMean = graph.input("previous_mean", [config.horizon, actionSize]);
      const { start, iteration } = noiseCounts(model, config);
      const planned = start + config.iterations * iteration;
      const noise = graph.noiseInput("noise", [planned + config.elites + actionSize]);
      const plan = search(mppi, model, latent, previousMean, slice(noise, 0, 0, planned), config);
      const chosen = drawIndex(plan.eliteWeights, slice(noise, 0, planned, planned + config.elites));
      const elite = reshape(gather(slice(plan.eliteActions, 0, 0, 1), chosen, 1), [1, actionSize]);
      const disturbance = mul(
        slice(plan.std, 0, 0, 1),
        reshape(slice(noise, 0, planned + config.elites), [1, actionSize]),
      );
      const first = clip(add(elite, disturbance), -1, 1);
      graph.output("actions", config.horizon > 1 ? concat([first, slice(plan.mean, 0, 1)], 0) : first);
    });
  };
}

/** An index drawn with the given probabilities, by Gumbel's trick. Shapes: weights, noise [K] of standard normals → [1] */
function drawIndex(weights: Sym, noise: Sym): Sym {
  const uniform = clip(add(mul(erf(mul(noise, Math.SQRT1_2)), 0.5), 0.5), LEAST_CHANCE, 1 - LEAST_CHANCE);
  const gumbel = neg(log(neg(log(uniform))));
  return reshape(argMax(add(log(clip(weights, LEAST_CHANCE, 1)), gumbel)), [1]);
}
