import { Graph, InputParameters, initializeParameters, type ParameterSpec, Parameters } from "../../graph/index.ts";
import { buildKeypointModel, type KeypointConfig } from "../../world-models/keypoint.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { storeFor } from "../episodes/episode-store.ts";
import type { LearnerOptions } from "../learner.ts";
import type { Weights } from "../optimization/step-runner.ts";
import { BEGINNING } from "../optimization/timetable.ts";
import { spacesOf } from "../world/spaces.ts";
import type { KeypointRecipe } from "./recipe.ts";
import type { KeypointState } from "./state.ts";

/** A run before its first slice: weights drawn from the seed, room for all its episodes. */
export function freshState({ world, seed, recorded }: LearnerOptions, recipe: KeypointRecipe): KeypointState {
  const { randomEpisodes, rounds, episodesPerRound, stepsPerRoundEpisode } = recipe;
  const frames = randomEpisodes * (world.episodeSteps + 1) + rounds * episodesPerRound * (stepsPerRoundEpisode + 1);
  return {
    position: BEGINNING,
    weights: initialWeights(spacesOf(world), recipe, seed),
    optimizers: {},
    store: recorded ?? storeFor(world, frames),
  };
}

function initialWeights(spaces: ModelSpaces, { network }: KeypointRecipe, seed: number): Weights {
  return initializeParameters(keypointParameters(spaces, network), seed);
}

/** Every parameter of the networks. */
export function keypointParameters(spaces: ModelSpaces, network: KeypointConfig): ParameterSpec[] {
  const graph = new Graph("declare");
  const source = new InputParameters(graph);
  const model = buildKeypointModel(new Parameters(source), spaces, network);
  const images = Object.fromEntries(
    spaces.cameras.map(({ name, width, height }) => [name, graph.input(name, [1, height, width, 3], "uint8")]),
  );
  const latent = model.encode(images, graph.input("proprioception", [1, spaces.proprioceptionSize]));
  model.next(latent, graph.input("action", [1, spaces.actionSize]), undefined);
  model.rewardOf(latent);
  model.decodeLevels(latent);
  return [...source.specs.values()];
}
