import { mppi } from "../../planners/mppi.ts";
import { type BundleGraphDefinitions, bundleGraphs } from "../../world-models/bundle-graphs.ts";
import { type KeypointConfig, keypoint } from "../../world-models/keypoint.ts";
import type { ModelSpaces, WorldModel } from "../../world-models/world-model.ts";
import type { KeypointRecipe } from "./recipe.ts";

/** The bundle's graphs of a recipe's networks and planner. */
export function keypointGraphs(
  spaces: ModelSpaces,
  { network, planner, shortPlanner }: Pick<KeypointRecipe, "network" | "planner" | "shortPlanner">,
  worldModel: WorldModel<KeypointConfig> = keypoint,
): BundleGraphDefinitions {
  return bundleGraphs({
    worldModel,
    config: network,
    spaces,
    planning: { method: mppi, config: planner, short: shortPlanner },
    imagination: { sequences: 1, horizon: planner.horizon },
  });
}
