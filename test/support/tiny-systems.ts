import { type DreamerV3Recipe, dreamerV3Recipe } from "../../src/learning/dreamer-v3/recipe.ts";
import type { OnlineRecipe } from "../../src/learning/online/recipe.ts";
import { type PlanetRecipe, planetRecipe } from "../../src/learning/planet/recipe.ts";
import { type TdMpc2Recipe, recipeFor as tdMpc2RecipeFor } from "../../src/learning/td-mpc2/recipe.ts";
import { type VaeAgentRecipe, recipeFor as vaeAgentRecipeFor } from "../../src/learning/vae-agent/recipe.ts";

const OBSERVATION = { channels: 6, keypoints: 6, embedding: 16, units: 16 };

/** Recipes of systems so small that they learn something about the dot world in seconds. */
export function tinyVaeAgent(online: OnlineRecipe): VaeAgentRecipe {
  const usual = vaeAgentRecipeFor("reach");
  return {
    ...usual,
    network: {
      ...usual.network,
      observation: { ...usual.network.observation, channels: 8, keypoints: 8, embedding: 16, units: 16 },
      code: 8,
      dynamics: "gru",
      memory: 8,
      units: 32,
    },
    planner: { ...usual.planner, horizon: 3, candidates: 48, elites: 6, iterations: 3 },
    shortPlanner: { iterations: 1, candidates: 16 },
    learning: { ...usual.learning, batch: 24, horizon: 2, learningRate: 3e-3 },
    online,
  };
}

export function tinyTdMpc2(online: OnlineRecipe): TdMpc2Recipe {
  const usual = tdMpc2RecipeFor("reach", { episodeSteps: 6 });
  const { network, planner, learning } = usual;
  return {
    ...usual,
    network: { ...network, encoderUnits: 32, units: 32, latent: 16, heads: 2, bins: 41, channels: 8, keypoints: 8 },
    planner: { ...planner, candidates: 48, policyCandidates: 8, elites: 8, iterations: 3, discount: 0.8 },
    shortPlanner: { iterations: 1, candidates: 32 },
    learning: { ...learning, batch: 32, horizon: 2, learningRate: 3e-3 },
    online,
  };
}

export function tinyPlanet(online: OnlineRecipe): PlanetRecipe {
  const usual = planetRecipe("reach");
  const { network } = usual;
  return {
    ...usual,
    network: {
      ...network,
      rssm: { ...network.rssm, deter: 16, hidden: 16, latent: { kind: "gaussian", size: 6, minDeviation: 0.1 } },
      observation: { ...network.observation, ...OBSERVATION },
      units: 16,
    },
    planner: { ...usual.planner, horizon: 3, candidates: 24, elites: 6, iterations: 2 },
    shortPlanner: { iterations: 1, candidates: 12, elites: 4 },
    sequence: { length: 4, batch: 8, ahead: 0 },
    overshooting: 2,
    decodeEvery: 4,
    learningRate: 3e-3,
    online,
  };
}

export function tinyDreamerV3(online: OnlineRecipe): DreamerV3Recipe {
  const usual = dreamerV3Recipe("reach", 50);
  const { network } = usual;
  return {
    ...usual,
    network: {
      ...network,
      rssm: {
        ...network.rssm,
        deter: 16,
        hidden: 16,
        latent: { kind: "categorical", groups: 4, classes: 4, unimix: 0.01 },
      },
      observation: { ...network.observation, ...OBSERVATION },
      units: 16,
      rewardHead: "two-hot",
      bins: 41,
    },
    sequence: { length: 4, batch: 8, ahead: 0 },
    imagination: { horizon: 3, starts: 2 },
    decodeEvery: 4,
    learningRate: 3e-3,
    warmUp: 10,
    online,
  };
}
