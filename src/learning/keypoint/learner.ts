import { LatentloopError } from "../../core/errors.ts";
import type { BundleGraphDefinitions } from "../../world-models/bundle-graphs.ts";
import { IMAGE_SIZE, keypoint } from "../../world-models/keypoint.ts";
import type { Learner, LearnerOptions, LearnerReport, LearningSystem } from "../learner.ts";
import type { Checkpoint } from "../optimization/checkpoint.ts";
import type { Weights } from "../optimization/step-runner.ts";
import type { Timetable, Work } from "../optimization/timetable.ts";
import { spacesOf } from "../world/spaces.ts";
import { isHeldOut, KeypointBatches, ownAndRandom, rewardedFrames } from "./batches.ts";
import { restoreRun, snapshotRun } from "./checkpoint.ts";
import { Collector } from "./collector.ts";
import { fineTuneKeypoint } from "./fine-tuner.ts";
import { FrameEncoder } from "./frame-encoder.ts";
import { freshState } from "./fresh-state.ts";
import { keypointGraphs } from "./graphs.ts";
import { PhaseTrainer } from "./phase-trainer.ts";
import { type KeypointRecipe, offlineTurnsOf, recipeFor, scaleRecipe, type Turn, turnsOf } from "./recipe.ts";
import type { KeypointState } from "./state.ts";
import { keypointSteps } from "./steps.ts";
import { keypointTimetable } from "./timetable.ts";

/**
 * Learns the keypoint world model in rounds: collect, fit the encoder to the reward, fit the dynamics to the encoder's
 * latents, fit the decoder; the next round collects with the planner.
 *
 * With a budget of updates the same seed gives the same weights, bit for bit, also across a resume.
 */
export class KeypointLearner implements Learner {
  readonly graphs: BundleGraphDefinitions;
  readonly latentSize: number;
  readonly #options: LearnerOptions;
  readonly #recipe: KeypointRecipe;
  readonly #turns: readonly Turn[];
  readonly #timetable: Timetable;
  readonly #trainer: PhaseTrainer;
  readonly #encoder: FrameEncoder;
  readonly #collector: Collector;
  readonly #state: KeypointState;

  private constructor(options: LearnerOptions, recipe: KeypointRecipe, encoder: FrameEncoder, state: KeypointState) {
    const { world, seed, clock, session } = options;
    this.#options = options;
    this.#recipe = recipe;
    this.#encoder = encoder;
    this.#state = state;
    this.#turns = options.recorded ? offlineTurnsOf(recipe) : turnsOf(recipe);
    this.#timetable = keypointTimetable(this.#turns, options.seconds);
    const spaces = spacesOf(world);
    const { store } = state;
    const { network: config, batch, horizon, learningRate } = recipe;
    const batches = new KeypointBatches(ownAndRandom(store, recipe.policyShare), horizon);
    this.#trainer = new PhaseTrainer({
      steps: (rate) => keypointSteps({ spaces, config, batch, horizon, learningRate: rate }),
      batches: { representation: batches, dynamics: batches, decoder: batches },
      encoder,
      timetable: this.#timetable,
      learningRate,
      decoderBatch: batch.decoder,
      validation: {
        store,
        frames: () => rewardedFrames(store.episodes.filter((_, i) => isHeldOut(i))),
        rewardPerM: world.rewardPerM,
      },
      seed,
      clock,
      ...(session && { session }),
    });
    this.latentSize = encoder.latentSize;
    this.graphs = keypointGraphs(spaces, recipe);
    this.#collector = new Collector(options, recipe, this.graphs);
  }

  /** @throws ERR_CHECKPOINT_MISMATCH if `resume` belongs to another run */
  static async open(options: LearnerOptions, recipe: KeypointRecipe): Promise<KeypointLearner> {
    const state = freshState(options, recipe);
    if (options.resume) await restoreRun(options.resume, options, recipe, state);
    const encoder = await FrameEncoder.open(spacesOf(options.world), recipe.network, options.session);
    return new KeypointLearner(options, recipe, encoder, state);
  }

  get hyperparameters(): Readonly<Record<string, unknown>> {
    return this.#recipe;
  }

  get finished(): boolean {
    return this.#state.position.turn >= this.#turns.length;
  }

  get collected(): { readonly episodes: number; readonly steps: number } {
    const { store } = this.#state;
    return { episodes: store.episodes.length, steps: store.steps };
  }

  get resumable(): boolean {
    const { turn, done } = this.#state.position;
    return this.#turns[turn]?.kind !== "collect" || done === 0;
  }

  async advance(): Promise<LearnerReport> {
    const { clock } = this.#options;
    const turn = this.#turns[this.#state.position.turn]!;
    const beganNs = clock.monotonicNs();
    const work =
      turn.kind === "collect" ? await this.#collect(turn.round) : await this.#trainer.train(turn.kind, this.#state);
    const { position } = this.#state;
    const spentS = (clock.monotonicNs() - beganNs) / 1e9;
    this.#state.position = {
      ...position,
      done: position.done + work.done,
      updates: position.updates + (turn.kind === "collect" ? 0 : work.done),
      elapsedS: position.elapsedS + spentS,
      collectingS: position.collectingS + (turn.kind === "collect" ? spentS : 0),
    };
    const over = this.#timetable.share(this.#state.position) >= 1;
    if (over) await this.#endTurn();
    return {
      phase: turn.kind,
      progress: this.#timetable.progress(this.#state.position),
      environmentSteps: this.#state.store.steps,
      updates: this.#state.position.updates,
      figures: work.figures,
      milestone: over && (this.#turns[this.#state.position.turn]?.round ?? -1) !== turn.round,
    };
  }

  weights(): Promise<Weights> {
    return this.#trainer.weights(this.#state);
  }

  async snapshot(): Promise<Checkpoint> {
    await this.#trainer.keep(this.#state);
    const { world, seed } = this.#options;
    return snapshotRun(this.#state, world.task, seed, this.#recipe);
  }

  noteSaved(path: string): void {
    this.#trainer.noteSaved({ path, step: this.#state.position.updates });
  }

  async close(): Promise<void> {
    await this.#trainer.close();
    await this.#collector.close();
    await this.#encoder.close();
  }

  /** One episode. */
  async #collect(round: number): Promise<Work> {
    return { done: 1, figures: { return: await this.#collector.collect(this.#state, round) } };
  }

  async #endTurn(): Promise<void> {
    await this.#trainer.endTurn(this.#state);
    await this.#collector.close();
    const { position } = this.#state;
    this.#state.position = { ...position, turn: position.turn + 1, done: 0, turnBeganS: position.elapsedS };
  }
}

/** The registry's entry. */
export const keypointSystem: LearningSystem = {
  name: "keypoint",
  title: keypoint.title,
  eyes(task, { observation = "both" } = {}) {
    if (observation !== "both") {
      throw new LatentloopError(
        "ERR_UNKNOWN_RECIPE",
        `Expected an observation that keypoint has a recipe for on ${task} but received "${observation}".`,
        { remedy: "Known: both." },
      );
    }
    return { cameras: recipeFor(task).cameras, width: IMAGE_SIZE, height: IMAGE_SIZE };
  },
  open(options) {
    const { world, steps } = options;
    const recipe = recipeFor(world.task);
    const scaled = steps === undefined ? recipe : scaleRecipe(recipe, steps, world.episodeSteps);
    return KeypointLearner.open(options, scaled);
  },
  fineTune: fineTuneKeypoint,
};
