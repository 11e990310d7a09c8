import { BundlePolicy } from "../bundle/bundle-policy.ts";
import { fillGraphs } from "../bundle/fill-graphs.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { LearnerOptions } from "../learner.ts";
import { batchRng } from "../optimization/batches.ts";
import type { Weights } from "../optimization/step-runner.ts";
import type { Policy } from "../policy.ts";
import { PiecewiseRollout } from "../run/piecewise-rollout.ts";
import { exploringPolicy, noisyPolicy, rollOut } from "../run/rollout.ts";
import type { EpisodeStart } from "../world/training-world.ts";
import type { OnlineSystem } from "./learner.ts";

/** Seeds of independent streams of random numbers. */
const SALT = { episode: 0x0e, policy: 0x91 };

/** Collects episodes into a store: random ones as long as there is no policy, then its own. */
export class Collector {
  readonly #options: LearnerOptions;
  readonly #system: OnlineSystem;
  readonly #store: EpisodeStore;
  #policy: BundlePolicy | undefined;
  #outdated = false;
  #episode: PiecewiseRollout | undefined;

  constructor(options: LearnerOptions, system: OnlineSystem, store: EpisodeStore) {
    this.#options = options;
    this.#system = system;
    this.#store = store;
  }

  /** Decisions of the episode that is being collected; undefined between two episodes. */
  get stepsUnderWay(): number | undefined {
    return this.#episode?.steps;
  }

  /** An episode, or the next piece of one: its return if it ended. @param weights to act by; none: randomly */
  async collect(weights: (() => Promise<Weights>) | undefined): Promise<number | undefined> {
    const { refreshEvery = Number.POSITIVE_INFINITY } = this.#system.recipe;
    if (weights) await this.#refreshPolicy(weights);
    this.#episode ??= this.#begin();
    const played = await this.#episode.play(refreshEvery);
    if (played) this.#episode = undefined;
    return played?.episodeReturn;
  }

  /** The weights have changed: the next piece is acted by new ones. */
  markOutdated(): void {
    this.#outdated = true;
  }

  async close(): Promise<void> {
    await this.#policy?.close();
  }

  #begin(): PiecewiseRollout {
    const { world, seed } = this.#options;
    const { explorationStd, goalsMove = true } = this.#system.recipe;
    const store = this.#store;
    const index = store.episodes.length;
    const rng = batchRng(seed ^ SALT.episode, index);
    const moves = goalsMove && index % 2 === 1 && world.retarget !== undefined; // the robot goes on from where it is
    const start: EpisodeStart = { kind: moves ? "retarget" : "reset", seed: rng.integer(2 ** 31) };
    const play = (policy: Policy, source: "random" | "policy") =>
      new PiecewiseRollout(policy, (resting) => rollOut(world, resting, { start, store, source }));
    if (!this.#policy) return play(exploringPolicy(world, rng), "random");
    this.#policy.begin(batchRng(seed ^ SALT.policy, index));
    const own: Policy = { act: (input, out) => this.#policy!.act(input, out) };
    return play(explorationStd > 0 ? noisyPolicy(own, explorationStd, rng) : own, "policy");
  }

  /** In the middle of an episode the new policy goes on from what the old one believes. */
  async #refreshPolicy(weights: () => Promise<Weights>): Promise<void> {
    if (this.#policy && !this.#outdated) return;
    const { session, seed } = this.#options;
    const graphs = this.#system.collecting ?? this.#system.graphs;
    const filled = fillGraphs(graphs, await weights(), ["encode", "observe", "plan", "act"]);
    const fresh = await BundlePolicy.open(filled, batchRng(seed, 0), { ...(session && { session }) });
    if (this.#policy) {
      fresh.goOnFrom(this.#policy);
      await this.#policy.close();
    }
    this.#policy = fresh;
    this.#outdated = false;
  }
}
