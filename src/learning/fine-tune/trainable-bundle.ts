import { z } from "zod";
import { LatentloopError } from "../../core/errors.ts";
import { elementCount } from "../../core/tensor.ts";
import type { ParameterSpec } from "../../graph/index.ts";
import { readWeights } from "../../inference/bundle-weights.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import type { Weights } from "../optimization/step-runner.ts";

/**
 * The recipe that a bundle was trained by, from its manifest.
 * @throws ERR_NOT_TRAINABLE if it is not there, or not whole
 */
export function readRecipe<Recipe>({ manifest }: Bundle, schema: z.ZodType<Recipe>): Recipe {
  const { fineTuning: _, ...hyperparameters } = manifest.algorithm.hyperparameters;
  const parsed = schema.safeParse(hyperparameters);
  if (parsed.success) return parsed.data;
  const what = z.prettifyError(parsed.error);
  throw notTrainable(`Expected the recipe of ${manifest.name} among its hyperparameters: ${what}`);
}

/**
 * A bundle's values of these parameters, but for those that may be missing.
 * @throws ERR_NOT_TRAINABLE if another one is not in its graphs, or has another size there
 */
export function readParameters(
  bundle: Bundle,
  specs: readonly ParameterSpec[],
  mayBeMissing: (parameter: string) => boolean = () => false,
): Weights {
  const found = readWeights(bundle);
  const values = specs.flatMap(({ name, shape }): [string, Float32Array][] => {
    const own = found.get(name);
    const wanted = elementCount(shape);
    if (own?.length === wanted) return [[name, own]];
    if (own === undefined && mayBeMissing(name)) return [];
    throw notTrainable(`Expected ${wanted} values of "${name}" in the graphs of ${bundle.manifest.name}.`);
  });
  return new Map(values);
}

function notTrainable(message: string): LatentloopError {
  return new LatentloopError("ERR_NOT_TRAINABLE", message, {
    remedy: "Only a bundle that this version of `latentloop train` made can be fine-tuned: train it again.",
  });
}
