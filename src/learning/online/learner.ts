import { buildStep, type StepDefinition, type StepGraph } from "../../graph/index.ts";
import type { BundleGraphDefinitions } from "../../world-models/bundle-graphs.ts";
import { replayEpisodes, requireSameEpisodes } from "../episodes/episode-log.ts";
import { type EpisodeStore, storeFor } from "../episodes/episode-store.ts";
import type { RowSource } from "../episodes/mixed-rows.ts";
import { requireEpisodes } from "../episodes/require-episodes.ts";
import type { Learner, LearnerOptions, LearnerReport } from "../learner.ts";
import { inlineBatches } from "../optimization/batches.ts";
import type { Checkpoint } from "../optimization/checkpoint.ts";
import { parametersOf } from "../optimization/checkpoint-tensors.ts";
import { MetricMeans } from "../optimization/metric-means.ts";
import type { Weights } from "../optimization/step-runner.ts";
import { freshStart, Trainer } from "../optimization/trainer.ts";
import { type OnlinePosition, type RunIdentity, readOnline, snapshotOnline } from "./checkpoint.ts";
import { Collector } from "./collector.ts";
import { type OnlineRecipe, stepsWorth, updatesDue } from "./recipe.ts";

/** What an algorithm brings to the online loop. */
export interface OnlineSystem {
  /** Its name in the registry. */
  readonly name: string;
  readonly latentSize: number;
  /** Everything that decides what is learned: the manifest stores it. */
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly recipe: OnlineRecipe;
  /** One update. It reports a metric "loss". */
  readonly step: StepDefinition;
  /** The bundle's graphs. */
  readonly graphs: BundleGraphDefinitions;
  /** The graphs that collect, where they differ from the bundle's: such as a policy that samples. */
  readonly collecting?: BundleGraphDefinitions;
  /** How the batch of an update is drawn from the episodes so far. */
  batches(store: EpisodeStore): RowSource;
}

/** About how long a slice of updates takes. */
const SLICE_NS = 1e9;

/**
 * Takes turns between collecting an episode and making the updates that are due for it. On recorded episodes it makes as many
 * updates without collecting any.
 *
 * Without a time budget the same seed gives the same weights, bit for bit, also across a resume.
 */
export class OnlineLearner implements Learner {
  readonly #options: LearnerOptions;
  readonly #system: OnlineSystem;
  readonly #step: StepGraph;
  readonly #store: EpisodeStore;
  readonly #source: RowSource;
  readonly #trainer: Trainer;
  readonly #collector: Collector;
  #position: OnlinePosition;

  private constructor(
    options: LearnerOptions,
    system: OnlineSystem,
    parts: { step: StepGraph; store: EpisodeStore; source: RowSource; trainer: Trainer; position: OnlinePosition },
  ) {
    this.#options = options;
    this.#system = system;
    this.#step = parts.step;
    this.#store = parts.store;
    this.#source = parts.source;
    this.#trainer = parts.trainer;
    this.#collector = new Collector(options, system, parts.store);
    this.#position = parts.position;
  }

  /**
   * @throws ERR_CHECKPOINT_MISMATCH if `resume` belongs to another run, or to one on other recorded episodes; ERR_REPLAY_EMPTY if
   * no recorded episode is long enough to learn from
   */
  static async open(options: LearnerOptions, system: OnlineSystem): Promise<OnlineLearner> {
    const { world, seed, resume, session, recorded } = options;
    const step = buildStep(system.step);
    const store = recorded ?? storeFor(world, framesOf(options, system.recipe));
    const source = system.batches(store);
    if (recorded) requireEpisodes(source.ready, source.framesNeeded);
    const resumed = resume && readOnline(resume, identityOf(options, system));
    if (resumed && recorded) requireSameEpisodes(recorded, resumed.episodes, resumed.actions);
    else if (resumed) await replayEpisodes(world, resumed.episodes, resumed.actions, store);
    const trainer = await Trainer.create({
      step,
      from: resumed?.trained ?? freshStart(step, seed),
      batches: (plan) => inlineBatches(source, plan),
      ...(session && { session }),
    });
    const position = resumed?.position ?? { elapsedS: 0, evaluations: 0 };
    return new OnlineLearner(options, system, { step, store, source, trainer, position });
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
    return { episodes: this.#store.episodes.length, steps: this.#environmentSteps };
  }

  get finished(): boolean {
    const { seconds = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#position.elapsedS >= seconds) return true;
    return !this.#midEpisode && this.#stepsGiven >= this.#system.recipe.steps && this.#due <= 0;
  }

  /** Half an episode cannot be played again: the weights changed within it. */
  get resumable(): boolean {
    return this.#trainer.healthy && !this.#midEpisode;
  }

  async advance(): Promise<LearnerReport> {
    const { clock } = this.#options;
    const beganNs = clock.monotonicNs();
    const phase = this.#due > 0 ? "train" : "collect";
    const figures = phase === "train" ? await this.#train() : await this.#collect();
    const elapsedS = this.#position.elapsedS + (clock.monotonicNs() - beganNs) / 1e9;
    this.#position = { ...this.#position, elapsedS };
    const milestone = this.#evaluationDue();
    if (milestone) this.#position = { ...this.#position, evaluations: this.#evaluations };
    return {
      phase,
      progress: this.#progress(),
      environmentSteps: this.#environmentSteps,
      updates: this.#trainer.step,
      figures,
      milestone,
    };
  }

  async weights(): Promise<Weights> {
    return parametersOf(this.#step, (await this.#trainer.snapshot()).tensors);
  }

  async snapshot(): Promise<Checkpoint> {
    return snapshotOnline(
      await this.#trainer.snapshot(),
      this.#store,
      this.#position,
      identityOf(this.#options, this.#system),
    );
  }

  noteSaved(path: string): void {
    this.#trainer.noteSaved({ path, step: this.#trainer.step });
  }

  async close(): Promise<void> {
    await this.#collector.close();
    await this.#trainer.close();
  }

  get #environmentSteps(): number {
    const { stepsUnderWay = 0 } = this.#collector;
    return (this.#store.steps + stepsUnderWay) * (this.#options.world.actionRepeat ?? 1);
  }

  get #midEpisode(): boolean {
    return this.#collector.stepsUnderWay !== undefined;
  }

  /** Steps that updates are made for: recorded ones count as all that the recipe would collect. */
  get #stepsGiven(): number {
    return this.#options.recorded ? this.#system.recipe.steps : this.#environmentSteps;
  }

  /** Updates that these steps still ask for; none before there is a finished episode to learn from. */
  get #due(): number {
    if (!this.#source.ready) return 0;
    return updatesDue(this.#system.recipe, this.#stepsGiven) - this.#trainer.step;
  }

  /** Evaluations that were to be made by now. */
  get #evaluations(): number {
    const { recipe } = this.#system;
    const steps = this.#options.recorded ? stepsWorth(recipe, this.#trainer.step) : this.#environmentSteps;
    return Math.floor(steps / recipe.evaluateEvery);
  }

  #evaluationDue(): boolean {
    if (this.#trainer.step === 0) return false;
    const roundOver = this.#options.recorded !== undefined || (this.#due <= 0 && !this.#midEpisode);
    return this.finished || (roundOver && this.#evaluations > this.#position.evaluations);
  }

  #progress(): number {
    const { steps } = this.#system.recipe;
    const { seconds } = this.#options;
    if (seconds !== undefined) return Math.min(1, this.#position.elapsedS / seconds);
    const updates = updatesDue(this.#system.recipe, steps);
    const acted = Math.min(1, this.#stepsGiven / steps);
    return this.finished ? 1 : Math.min(acted, this.#trainer.step / Math.max(1, updates));
  }

  /** An episode, or a piece of one. */
  async #collect(): Promise<Readonly<Record<string, number>>> {
    const episodeReturn = await this.#collector.collect(this.#trainer.step > 0 ? () => this.weights() : undefined);
    return episodeReturn === undefined ? {} : { return: episodeReturn };
  }

  /** A slice of the updates that are due: the mean of each metric. */
  async #train(): Promise<Readonly<Record<string, number>>> {
    this.#collector.markOutdated();
    const { clock } = this.#options;
    const endNs = clock.monotonicNs() + SLICE_NS;
    const means = new MetricMeans();
    do {
      for (const { metrics } of await this.#trainer.advance()) means.add(metrics);
    } while (this.#due > 0 && !this.#evaluationDue() && clock.monotonicNs() < endNs);
    return means.read();
  }
}

function identityOf({ world, seed }: LearnerOptions, { name, hyperparameters }: OnlineSystem): RunIdentity {
  return { system: name, task: world.task, seed, recipe: hyperparameters };
}

/** Frames of the whole run: whole episodes, the last of which may pass the number of steps. */
function framesOf({ world }: LearnerOptions, { steps }: OnlineRecipe): number {
  const perEpisode = world.episodeSteps;
  const episodes = Math.ceil(steps / (perEpisode * (world.actionRepeat ?? 1)));
  return episodes * (perEpisode + 1);
}
