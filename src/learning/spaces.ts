import type { ModelSpaces } from "../world-models/world-model.ts";
import type { TrainingWorld } from "./training-world.ts";

/** What a model of this world senses and moves. */
export function spacesOf({ observationSpace, proprioceptionFeatures, actionSpace }: TrainingWorld): ModelSpaces {
  return {
    cameras: observationSpace.cameras,
    proprioceptionSize: proprioceptionFeatures.length,
    actionSize: actionSpace.dimensions.length,
  };
}
