import type { Parameters } from "../../../graph/index.ts";
import { noiseCounts, search } from "../../../planners/search.ts";
import type { PlanWorkload } from "./index.ts";

/** A whole search over a system's networks, or one action of its policy, with the tensor names of docs/models.md. */
export function buildPlan(parameters: Parameters, { build, method, config }: PlanWorkload): void {
  const { graph } = parameters;
  graph.withoutGradient(() => {
    const model = build(parameters);
    const latent = graph.input("latent", [1, model.latentSize]);
    if (config === undefined) {
      graph.output("actions", model.policy!(latent, undefined));
      return;
    }
    const counts = noiseCounts(model, config);
    const previousMean = graph.input("previous_mean", [config.horizon, model.actionSize]);
    const noise = graph.noiseInput("noise", [counts.start + config.iterations * counts.iteration]);
    const plan = search(method, model, latent, previousMean, noise, config);
    graph.output("actions", plan.mean);
    graph.output("std", plan.std);
    graph.output("value", plan.value);
  });
}
