import { constantRate, type Schedule } from "../../graph/index.ts";
import { mppi } from "../../planners/mppi.ts";
import { bundleGraphs } from "../../world-models/bundle-graphs.ts";
import { latentSizeOf, tdMpc2 } from "../../world-models/td-mpc2.ts";
import { TD_MPC2_SIZES } from "../../world-models/td-mpc2-config.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { SegmentReplay } from "../episodes/segment-replay.ts";
import { fineTuneJointly, type JointSystem } from "../fine-tune/fine-tune-jointly.ts";
import type { LearningSystem } from "../learner.ts";
import { OnlineLearner, type OnlineSystem } from "../online/learner.ts";
import { annealed } from "../online/recipe.ts";
import { viewOf } from "../online/task-views.ts";
import { spacesOf } from "../world/spaces.ts";
import { exploringPlan } from "./exploring-plan.ts";
import { recipeFor, requireRecipe, TdMpc2Recipe } from "./recipe.ts";
import { segmentSize, tdMpc2Update } from "./update.ts";

const NAME = "td-mpc2";

/** TD-MPC2 as the online loop runs it. @param rate of the recipe's learning rate over a run: by default as the recipe says */
export function tdMpc2Online(
  spaces: ModelSpaces,
  recipe: TdMpc2Recipe,
  rate: (own: number) => Schedule = recipe.learning.anneal ? (own) => annealed(own, recipe.online) : constantRate,
): OnlineSystem {
  const { network, planner, shortPlanner, learning, shiftPx, policyShare } = recipe;
  const discounts = new Array<number>(network.tasks?.actionSizes.length ?? 1).fill(planner.discount);
  const graphs = bundleGraphs({
    worldModel: tdMpc2,
    config: network,
    spaces,
    planning: { method: mppi, config: planner, short: shortPlanner },
    acting: "mode",
    imagination: { sequences: 1, horizon: planner.horizon },
  });
  return {
    name: NAME,
    latentSize: latentSizeOf(spaces, network),
    hyperparameters: recipe,
    recipe: recipe.online,
    step: tdMpc2Update({
      spaces,
      network,
      learning,
      discounts,
      learningRate: rate(learning.learningRate),
    }),
    graphs,
    collecting: { ...graphs, plan: exploringPlan((parameters) => tdMpc2.build(parameters, spaces, network), planner) },
    batches: (store) =>
      new SegmentReplay(store, segmentSize(network, learning), spaces.cameras, { shiftPx, policyShare }),
  };
}

const TUNING: JointSystem<TdMpc2Recipe> = {
  recipe: TdMpc2Recipe,
  parts: {
    encoder: "encoder",
    dynamics: "dynamics",
    task: "dynamics",
    reward: "heads",
    value: "behaviour",
    policy: "behaviour",
  },
  updates: 2600,
  open: tdMpc2Online,
};

/** The registry's entry. */
export const tdMpc2System: LearningSystem = {
  name: NAME,
  title: tdMpc2.title,
  sizes: Object.keys(TD_MPC2_SIZES),
  eyes(task, choice) {
    requireRecipe(task, choice?.observation);
    return viewOf(task, choice);
  },
  open(options) {
    const { world } = options;
    const { task, episodeSteps, actionSizes } = world;
    const recipe = recipeFor(task, { ...options, episodeSteps, actionSizes });
    return OnlineLearner.open(options, tdMpc2Online(spacesOf(world), recipe));
  },
  fineTune: (options) => fineTuneJointly(options, TUNING),
};
