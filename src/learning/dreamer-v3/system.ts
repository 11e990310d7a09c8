import type { Schedule } from "../../graph/index.ts";
import { bundleGraphs } from "../../world-models/bundle-graphs.ts";
import { DREAMER_V3_SIZES, type DreamerV3Size, dreamerV3 } from "../../world-models/dreamer.ts";
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
import { DreamerV3Recipe, dreamerV3Recipe, scheduleOf } from "./recipe.ts";
import { dreamerV3Update } from "./update.ts";

const NAME = "dreamer-v3";
/** Steps that one call of the bundle's `imagine` makes. */
const BUNDLE_HORIZON = 8;

/** DreamerV3 for a world of these spaces, as the online loop takes it. @param rate of the recipe's learning rate over a run */
export function dreamerV3Online(
  spaces: ModelSpaces,
  recipe: DreamerV3Recipe,
  rate: (own: number) => Schedule = () => scheduleOf(recipe),
): OnlineSystem {
  const { network, sequence, policyShare } = recipe;
  const graphsThat = (acting: "mode" | "sample") =>
    bundleGraphs({
      worldModel: dreamerV3,
      config: network,
      spaces,
      acting,
      imagination: { sequences: 1, horizon: BUNDLE_HORIZON },
    });
  return {
    name: NAME,
    latentSize: stateSize(network.rssm, spaces.proprioceptionSize),
    hyperparameters: recipe,
    recipe: recipe.online,
    step: dreamerV3Update(spaces, recipe, rate(recipe.learningRate)),
    graphs: graphsThat("mode"),
    collecting: graphsThat("sample"),
    batches: (store) => new SequenceReplay(store, sequence, policyShare),
  };
}

const TUNING: JointSystem<DreamerV3Recipe> = {
  recipe: DreamerV3Recipe,
  parts: { ...RECURRENT_PARTS, continuation: "heads", actor: "behaviour", critic: "behaviour" },
  trainingOnly: RECURRENT_TRAINING_ONLY,
  updates: 2600,
  open: dreamerV3Online,
};

/** The registry's entry. */
export const dreamerV3System: LearningSystem = {
  name: NAME,
  title: dreamerV3.title,
  sizes: Object.keys(DREAMER_V3_SIZES),
  eyes: viewOf,
  open(options) {
    const { world, steps, size } = options;
    const recipe = dreamerV3Recipe(world.task, world.episodeSteps, size as DreamerV3Size | undefined);
    const online = steps === undefined ? recipe.online : withSteps(recipe.online, steps);
    return OnlineLearner.open(options, dreamerV3Online(spacesOf(world), { ...recipe, online }));
  },
  fineTune: (options) => fineTuneJointly(options, TUNING),
};
