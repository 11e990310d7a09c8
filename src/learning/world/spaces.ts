import type { Manifest } from "../../config/manifest.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import type { TrainingWorld } from "./training-world.ts";

/** What a model of this world senses and moves. */
export function spacesOf({ observationSpace, proprioceptionFeatures, actionSpace }: TrainingWorld): ModelSpaces {
  return {
    cameras: observationSpace.cameras,
    proprioceptionSize: proprioceptionFeatures.length,
    actionSize: actionSpace.dimensions.length,
  };
}

/** What the model of this manifest senses and moves. */
export function spacesOfManifest({ observation, action }: Pick<Manifest, "observation" | "action">): ModelSpaces {
  return {
    cameras: observation.cameras.map(({ name, width, height }) => ({ name, width, height })),
    proprioceptionSize: observation.proprioception.length,
    actionSize: action.dimensions.length,
  };
}
