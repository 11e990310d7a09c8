import { Graph } from "../graph/index.ts";
import { NoiseReader } from "./noise.ts";
import type { PlannableModel } from "./plannable-model.ts";
import type { PlannerConfig } from "./planner-config.ts";
import { iterateSearch, noiseCounts, type SearchMethod, startSearch } from "./search.ts";

/**
 * A search in two graphs, so that a deadline can end it after any iteration: run `start` once, then `iterate` as often as
 * the time allows, each time with what the call before returned. `iterations` calls give exactly the plan of `search`.
 */
export interface AnytimeGraphs {
  /** latent [1, L], previous_mean [H, A], noise if any is drawn → mean, std [H, A], policy_actions [H, P, A] if there are any. */
  readonly start: Graph;
  /** latent, mean, std, policy_actions if there are any, noise → mean_out, std_out [H, A], value [1]. */
  readonly iterate: Graph;
}

/** `modelIn` builds the model's functions over the graph it is given. */
export function buildAnytimeGraphs(
  method: SearchMethod,
  modelIn: (graph: Graph) => PlannableModel,
  config: PlannerConfig,
): AnytimeGraphs {
  const { horizon, policyCandidates } = config;
  const start = new Graph("plan_start");
  const model = modelIn(start);
  const counts = noiseCounts(model, config);
  const planShape = [horizon, model.actionSize];
  const policyShape = [horizon, policyCandidates, model.actionSize];

  const latent = start.input("latent", [1, model.latentSize]);
  const previousMean = start.input("previous_mean", planShape);
  const noise = counts.start > 0 ? start.noiseInput("noise", [counts.start]) : undefined;
  const state = startSearch(model, latent, previousMean, new NoiseReader(noise), config);
  start.output("mean", state.mean);
  start.output("std", state.std);
  if (state.policyActions) start.output("policy_actions", state.policyActions);

  const iterate = new Graph("plan_iterate");
  const next = iterateSearch(
    method,
    modelIn(iterate),
    iterate.input("latent", [1, model.latentSize]),
    {
      mean: iterate.input("mean", planShape),
      std: iterate.input("std", planShape),
      policyActions: policyCandidates > 0 ? iterate.input("policy_actions", policyShape) : undefined,
    },
    new NoiseReader(iterate.noiseInput("noise", [counts.iteration])),
    config,
  );
  iterate.output("mean_out", next.mean);
  iterate.output("std_out", next.std);
  iterate.output("value", next.value);
  return { start, iterate };
}
