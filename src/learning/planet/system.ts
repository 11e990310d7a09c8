import type { Schedule } from "../../graph/index.ts";
import { cem } from "../../planners/cem.ts";
import { bundleGraphs } from "../../world-models/bundle-graphs.ts";
import { PLANET_SIZES, type PlanetSize, planet } from "../../world-models/planet.ts";
import { stateSize } from "../../world-models/rssm.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { fineTuneJointly, type JointSystem } from "../fine-tune/fine-tune-jointly.ts";
import { RECURRENT_PARTS, RECURRENT_TRAINING_ONLY } from "../fine-tune/recurrent-parts.ts";
import type { LearningSystem } from "../learner.ts";
import { OnlineLearner, type OnlineSystem } from "../online/learner.ts";
import { withSteps } from "../online/recipe.ts";
import { SequenceReplay } from "../online/sequence-replay.ts";
import { viewOf } from "../online/task-views.ts";
import { spacesOf } from "../world/spaces.ts";
import { PlanetRecipe, planetRecipe, scheduleOf } from "./recipe.ts";
import { planetUpdate } from "./update.ts";

const NAME = "planet";

/** PlaNet for a world of these spaces, as the online loop takes it. @param rate of the recipe's learning rate over a run */
export function planetOnline(
  spaces: ModelSpaces,
  recipe: PlanetRecipe,
  rate: (own: number) => Schedule = () => scheduleOf(recipe),
): OnlineSystem {
  const { network, planner, shortPlanner, sequence, policyShare } = recipe;
  return {
    name: NAME,
    latentSize: stateSize(network.rssm, spaces.proprioceptionSize),
    hyperparameters: recipe,
    recipe: recipe.online,
    step: planetUpdate(spaces, recipe, rate(recipe.learningRate)),
    graphs: bundleGraphs({
      worldModel: planet,
      config: network,
      spaces,
      planning: { method: cem, config: planner, short: shortPlanner },
      imagination: { sequences: 1, horizon: planner.horizon },
    }),
    batches: (store) => new SequenceReplay(store, sequence, policyShare),
  };
}

const TUNING: JointSystem<PlanetRecipe> = {
  recipe: PlanetRecipe,
  parts: RECURRENT_PARTS,
  trainingOnly: RECURRENT_TRAINING_ONLY,
  updates: 4000,
  open: planetOnline,
};

/** The registry's entry. */
export const planetSystem: LearningSystem = {
  name: NAME,
  title: planet.title,
  sizes: Object.keys(PLANET_SIZES),
  eyes: viewOf,
  open(options) {
    const { world, steps, size } = options;
    const recipe = planetRecipe(world.task, size as PlanetSize | undefined);
    const online = steps === undefined ? recipe.online : withSteps(recipe.online, steps);
    return OnlineLearner.open(options, planetOnline(spacesOf(world), { ...recipe, online }));
  },
  fineTune: (options) => fineTuneJointly(options, TUNING),
};
