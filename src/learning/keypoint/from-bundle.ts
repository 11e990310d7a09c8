import type { Bundle } from "../../inference/read-bundle.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { readParameters, readRecipe } from "../fine-tune/trainable-bundle.ts";
import type { Weights } from "../optimization/step-runner.ts";
import { spacesOfManifest } from "../world/spaces.ts";
import { keypointParameters } from "./fresh-state.ts";
import { KeypointRecipe } from "./recipe.ts";

/** Everything of a keypoint bundle that training further needs. */
export interface KeypointBundle {
  readonly recipe: KeypointRecipe;
  readonly spaces: ModelSpaces;
  readonly weights: Weights;
}

/** @throws ERR_NOT_TRAINABLE if the manifest does not hold the recipe, or the graphs not the weights */
export function readKeypointBundle(bundle: Bundle): KeypointBundle {
  const recipe = readRecipe(bundle, KeypointRecipe);
  const spaces = spacesOfManifest(bundle.manifest);
  return { recipe, spaces, weights: readParameters(bundle, keypointParameters(spaces, recipe.network)) };
}
