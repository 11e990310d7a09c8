import { z } from "zod";
import { LatentloopError } from "../../core/errors.ts";
import { elementCount } from "../../core/tensor.ts";
import { readWeights } from "../../inference/bundle-weights.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
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
  const { manifest } = bundle;
  const spaces = spacesOfManifest(manifest);
  const { fineTuning: _, ...hyperparameters } = manifest.algorithm.hyperparameters;
  const parsed = KeypointRecipe.safeParse(hyperparameters);
  if (!parsed.success) {
    const what = z.prettifyError(parsed.error);
    throw notTrainable(`Expected the recipe of ${manifest.name} among its hyperparameters: ${what}`);
  }
  const found = readWeights(bundle);
  const weights = keypointParameters(spaces, parsed.data.network).map(({ name, shape }): [string, Float32Array] => {
    const values = found.get(name);
    const wanted = elementCount(shape);
    if (values?.length === wanted) return [name, values];
    throw notTrainable(`Expected ${wanted} values of "${name}" in the graphs of ${manifest.name}.`);
  });
  return { recipe: parsed.data, spaces, weights: new Map(weights) };
}

function notTrainable(message: string): LatentloopError {
  return new LatentloopError("ERR_NOT_TRAINABLE", message, {
    remedy: "Only a bundle that `latentloop train` made can be fine-tuned.",
  });
}
