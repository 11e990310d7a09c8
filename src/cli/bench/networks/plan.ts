import type { Parameters } from "../../../graph/index.ts";
import { mppi } from "../../../planners/mppi.ts";
import { noiseCounts, search } from "../../../planners/search.ts";
import type { PlanWorkload } from "./index.ts";
import { tdMpc2Model } from "./td-mpc2.ts";

/** A whole MPPI search over TD-MPC2's networks, with the tensor names of docs/models.md. */
export function buildPlan(parameters: Parameters, { sizes, config }: PlanWorkload): void {
  const { graph } = parameters;
  const model = tdMpc2Model(parameters, sizes);
  const counts = noiseCounts(model, config);
  const plan = search(
    mppi,
    model,
    graph.input("latent", [1, sizes.latent]),
    graph.input("previous_mean", [config.horizon, sizes.actions]),
    graph.noiseInput("noise", [counts.start + config.iterations * counts.iteration]),
    config,
  );
  graph.output("actions", plan.mean);
  graph.output("std", plan.std);
  graph.output("value", plan.value);
}
