import type { BundleGraphDefinitions } from "../../world-models/bundle-graphs.ts";
import { BundlePolicy } from "../bundle/bundle-policy.ts";
import { fillGraphs } from "../bundle/fill-graphs.ts";
import type { LearnerOptions } from "../learner.ts";
import { batchRng } from "../optimization/batches.ts";
import { exploringPolicy, interruptedPolicy, noisyPolicy, type RolloutOptions, rollOut } from "../run/rollout.ts";
import type { EpisodeStart } from "../world/training-world.ts";
import type { KeypointRecipe } from "./recipe.ts";
import type { KeypointState } from "./state.ts";

/** One in so many episodes of an on-policy round is random, for poses that the planner avoids. */
const RANDOM_EVERY = 3;
/** Seeds of independent streams of random numbers. */
const SALT = { episode: 0x0e, planner: 0x91 };

/** Plays a run's episodes: random ones in the first round, in later ones most by the planner. */
export class Collector {
  readonly #options: LearnerOptions;
  readonly #recipe: KeypointRecipe;
  readonly #graphs: BundleGraphDefinitions;
  /** Over the weights of this turn. */
  #planner: BundlePolicy | undefined;

  constructor(options: LearnerOptions, recipe: KeypointRecipe, graphs: BundleGraphDefinitions) {
    this.#options = options;
    this.#recipe = recipe;
    this.#graphs = graphs;
  }

  /** Adds one episode to the state's store and returns its return. */
  async collect(state: KeypointState, round: number): Promise<number> {
    const { world, seed } = this.#options;
    const { store, position } = state;
    const rng = batchRng(seed ^ SALT.episode, store.episodes.length);
    if (round === 0) {
      const start: EpisodeStart = { kind: "reset", seed: rng.integer(2 ** 31) };
      return (await rollOut(world, exploringPolicy(world, rng), { start, store })).episodeReturn;
    }
    const { explorationStd, interruptions, maxDelay, stepsPerRoundEpisode: steps } = this.#recipe;
    const random = position.done % RANDOM_EVERY === 0;
    // Every second episode only moves the goal, but not the first of a turn, so that a resumed run finds the same world.
    const moves = position.done % 2 === 1 && world.retarget !== undefined;
    const start: EpisodeStart = { kind: moves ? "retarget" : "reset", seed: rng.integer(2 ** 31) };
    const options: RolloutOptions = { start, steps, store };
    if (random) return (await rollOut(world, exploringPolicy(world, rng), options)).episodeReturn;
    this.#planner ??= await this.#openPlanner(state);
    const noisy = noisyPolicy(this.#planner, rng.uniform(0, explorationStd), rng);
    const policy = interruptedPolicy(noisy, exploringPolicy(world, rng), interruptions, rng);
    const delay = rng.uniform(0, maxDelay);
    return (await rollOut(world, policy, { ...options, source: "policy", delay })).episodeReturn;
  }

  /** Lets go of the planner: the next episode opens one over the weights of then. */
  async close(): Promise<void> {
    await this.#planner?.close();
    this.#planner = undefined;
  }

  #openPlanner({ weights, position }: KeypointState): Promise<BundlePolicy> {
    const { seed, session } = this.#options;
    const onnx = fillGraphs(this.#graphs, weights, ["encode", "observe", "plan"]);
    return BundlePolicy.open(onnx, batchRng(seed ^ SALT.planner, position.turn), { ...(session && { session }) });
  }
}
