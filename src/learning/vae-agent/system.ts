import type { Schedule } from "../../graph/index.ts";
import { PLANNERS } from "../../planners/index.ts";
import { bundleGraphs } from "../../world-models/bundle-graphs.ts";
import { vaeAgent } from "../../world-models/vae-agent.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { SegmentReplay } from "../episodes/segment-replay.ts";
import { fineTuneJointly, type JointSystem } from "../fine-tune/fine-tune-jointly.ts";
import type { LearningSystem } from "../learner.ts";
import { OnlineLearner, type OnlineSystem } from "../online/learner.ts";
import { annealed } from "../online/recipe.ts";
import { viewOf } from "../online/task-views.ts";
import { spacesOf } from "../world/spaces.ts";
import { recipeFor, requireRecipe, VaeAgentRecipe } from "./recipe.ts";
import { vaeAgentUpdate } from "./update.ts";

const NAME = "vae-agent";

/** The VAE agent as the online loop runs it. @param rate of the recipe's learning rate over a run: by default annealed */
export function vaeAgentOnline(
  spaces: ModelSpaces,
  recipe: VaeAgentRecipe,
  rate: (own: number) => Schedule = (own) => annealed(own, recipe.online),
): OnlineSystem {
  const { network, method, planner, shortPlanner, learning, policyShare } = recipe;
  return {
    name: NAME,
    latentSize: network.code + spaces.proprioceptionSize + (network.dynamics === "gru" ? network.memory : 0),
    hyperparameters: recipe,
    recipe: recipe.online,
    step: vaeAgentUpdate({ spaces, network, learning, learningRate: rate(learning.learningRate) }),
    graphs: bundleGraphs({
      worldModel: vaeAgent,
      config: network,
      spaces,
      planning: { method: PLANNERS[method], config: planner, short: shortPlanner },
      imagination: { sequences: 1, horizon: planner.horizon },
    }),
    batches: (store) => new SegmentReplay(store, learning, spaces.cameras, { policyShare }),
  };
}

const TUNING: JointSystem<VaeAgentRecipe> = {
  recipe: VaeAgentRecipe,
  parts: {
    encoder: "encoder",
    posterior: "encoder",
    dynamics: "dynamics",
    memory: "dynamics",
    reward: "heads",
    decoder: "decoder",
  },
  updates: 2400,
  open: vaeAgentOnline,
};

/** The registry's entry. */
export const vaeAgentSystem: LearningSystem = {
  name: NAME,
  title: vaeAgent.title,
  eyes(task, choice) {
    requireRecipe(task, choice?.observation);
    return viewOf(task, choice);
  },
  open(options) {
    const { world, steps } = options;
    return OnlineLearner.open(options, vaeAgentOnline(spacesOf(world), recipeFor(world.task, steps)));
  },
  fineTune: (options) => fineTuneJointly(options, TUNING),
};
