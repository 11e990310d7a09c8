import { type KeypointRecipe, recipeFor } from "../../src/learning/keypoint/recipe.ts";

const usual = recipeFor("reach");

/** A recipe that learns the dot world in a second or two. */
export const TINY_KEYPOINT: KeypointRecipe = {
  ...usual,
  network: { channels: 8, keypoints: 8, embedding: 8, units: 32, decoderUnits: 8, decoderChannels: 4 },
  planner: { ...usual.planner, horizon: 3, candidates: 32, elites: 8, iterations: 2 },
  shortPlanner: { iterations: 1, candidates: 16 },
  randomEpisodes: 160,
  rounds: 1,
  episodesPerRound: 8,
  stepsPerRoundEpisode: 6,
  updates: { representation: 300, dynamics: 200, decoder: 20 },
  firstRoundShare: 0.8,
  learningRate: 3e-3,
  batch: { representation: 16, dynamics: 32, decoder: 8 },
  horizon: 3,
};
