import { buildStep, type StepGraph } from "../../graph/index.ts";
import type { BundleGraphDefinitions } from "../../world-models/bundle-graphs.ts";
import { requireSameEpisodes } from "../episodes/episode-log.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import { requireEpisodes } from "../episodes/require-episodes.ts";
import type { Learner, LearnerOptions, LearnerReport } from "../learner.ts";
import { type RunIdentity, readOnline, snapshotOnline } from "../online/checkpoint.ts";
import type { OnlineSystem } from "../online/learner.ts";
import { updatesDue } from "../online/recipe.ts";
import { inlineBatches } from "../optimization/batches.ts";
import type { Checkpoint } from "../optimization/checkpoint.ts";
import { parametersOf } from "../optimization/checkpoint-tensors.ts";
import type { Weights } from "../optimization/step-runner.ts";
import { trainSlice } from "../optimization/train-slice.ts";
import { freshStart, Trainer } from "../optimization/trainer.ts";

export interface OfflineOptions extends LearnerOptions {
  readonly recorded: EpisodeStore;
}

/**
 * Makes the updates of a system that learns online on recorded episodes alone: as many as its recipe makes in all, with as many
 * evaluations.
 *
 * Without a time budget the same seed and recordings give the same weights, bit for bit, also across a resume.
 */
export class OfflineLearner implements Learner {
  readonly #options: OfflineOptions;
  readonly #system: OnlineSystem;
  readonly #step: StepGraph;
  readonly #trainer: Trainer;
  readonly #updates: number;
  readonly #rounds: number;
  #elapsedS: number;
  /** Evaluations that were due so far. */
  #evaluations: number;

  private constructor(
    options: OfflineOptions,
    system: OnlineSystem,
    parts: { step: StepGraph; trainer: Trainer; elapsedS: number; evaluations: number },
  ) {
    const { recipe } = system;
    this.#options = options;
    this.#system = system;
    this.#step = parts.step;
    this.#trainer = parts.trainer;
    this.#elapsedS = parts.elapsedS;
    this.#evaluations = parts.evaluations;
    this.#updates = Math.max(1, updatesDue(recipe, recipe.steps));
    this.#rounds = Math.max(1, Math.floor(recipe.steps / recipe.evaluateEvery));
  }

  /**
   * @throws ERR_REPLAY_EMPTY if no episode is long enough to learn from; ERR_CHECKPOINT_MISMATCH if `resume` belongs to another
   * run, or to one on other episodes
   */
  static async open(options: OfflineOptions, system: OnlineSystem): Promise<OfflineLearner> {
    const { seed, resume, session, recorded } = options;
    const source = system.batches(recorded);
    requireEpisodes(source.ready, source.framesNeeded);
    const step = buildStep(system.step);
    const resumed = resume && readOnline(resume, identityOf(options, system));
    if (resumed) requireSameEpisodes(recorded, resumed.episodes, resumed.actions);
    const trainer = await Trainer.create({
      step,
      from: resumed?.trained ?? freshStart(step, seed),
      batches: (plan) => inlineBatches(source, plan),
      ...(session && { session }),
    });
    const { elapsedS, evaluations } = resumed?.position ?? { elapsedS: 0, evaluations: 0 };
    return new OfflineLearner(options, system, { step, trainer, elapsedS, evaluations });
  }

  get hyperparameters(): Readonly<Record<string, unknown>> {
    return this.#system.hyperparameters;
  }

  get latentSize(): number {
    return this.#system.latentSize;
  }

  get graphs(): BundleGraphDefinitions {
    return this.#system.graphs;
  }

  get collected(): { readonly episodes: number; readonly steps: number } {
    const { recorded, world } = this.#options;
    return { episodes: recorded.episodes.length, steps: recorded.steps * (world.actionRepeat ?? 1) };
  }

  get finished(): boolean {
    return this.#share >= 1;
  }

  get resumable(): boolean {
    return this.#trainer.healthy;
  }

  async advance(): Promise<LearnerReport> {
    const { clock, seconds } = this.#options;
    const beganNs = clock.monotonicNs();
    const nextRound = (this.#updates * (this.#evaluations + 1)) / this.#rounds;
    const wantsMore = () => seconds !== undefined || this.#trainer.step < nextRound;
    const figures = await trainSlice(this.#trainer, clock, wantsMore);
    this.#elapsedS += (clock.monotonicNs() - beganNs) / 1e9;
    const milestone = this.finished || Math.floor(this.#share * this.#rounds) > this.#evaluations;
    if (milestone) this.#evaluations = Math.floor(this.#share * this.#rounds);
    return {
      phase: "train",
      progress: this.#share,
      environmentSteps: this.collected.steps,
      updates: this.#trainer.step,
      figures,
      milestone,
    };
  }

  async weights(): Promise<Weights> {
    return parametersOf(this.#step, (await this.#trainer.snapshot()).tensors);
  }

  async snapshot(): Promise<Checkpoint> {
    const position = { elapsedS: this.#elapsedS, evaluations: this.#evaluations };
    const { recorded } = this.#options;
    return snapshotOnline(await this.#trainer.snapshot(), recorded, position, identityOf(this.#options, this.#system));
  }

  noteSaved(path: string): void {
    this.#trainer.noteSaved({ path, step: this.#trainer.step });
  }

  async close(): Promise<void> {
    await this.#trainer.close();
  }

  /** Of the whole run, by time where there is a budget of it. */
  get #share(): number {
    const { seconds } = this.#options;
    return Math.min(1, seconds === undefined ? this.#trainer.step / this.#updates : this.#elapsedS / seconds);
  }
}

function identityOf({ world, seed }: LearnerOptions, { name, hyperparameters }: OnlineSystem): RunIdentity {
  return { system: name, task: world.task, seed, recipe: hyperparameters };
}
