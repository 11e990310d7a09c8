import { LatentloopError } from "../../core/errors.ts";
import type { Rng } from "../../core/rng.ts";
import { mppi } from "../../planners/mppi.ts";
import { type BundleGraphDefinitions, bundleGraphs } from "../../world-models/bundle-graphs.ts";
import { IMAGE_SIZE, keypoint } from "../../world-models/keypoint.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { batchRng } from "../batches.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { Learner, LearnerOptions, LearnerReport, LearningSystem } from "../learner.ts";
import { spacesOf } from "../spaces.ts";
import { StepRunner, type Weights } from "../step-runner.ts";
import { KeypointBatches, rewardedFrames } from "./batches.ts";
import { restoreRun, snapshotRun } from "./checkpoint.ts";
import { Collector } from "./collector.ts";
import { FrameEncoder } from "./frame-encoder.ts";
import { freshState } from "./fresh-state.ts";
import { type KeypointRecipe, recipeFor, scaleRecipe, type Turn, turnsOf } from "./recipe.ts";
import type { KeypointState } from "./state.ts";
import { type KeypointPhase, keypointSteps } from "./steps.ts";
import { KeypointTimetable } from "./timetable.ts";

/** Updates between two reports: about half a second each. */
const SLICE: Readonly<Record<KeypointPhase, number>> = { representation: 40, dynamics: 120, decoder: 40 };
/** Held-out frames that the validation error is measured on while the encoder learns. */
const VALIDATION_FRAMES = 256;
/** Seeds of independent streams of random numbers. */
const SALT: Readonly<Record<KeypointPhase, number>> = { representation: 0x1a, dynamics: 0x2b, decoder: 0x3c };
/** A loss beyond this has left the numbers that learning can come back from. */
const LARGEST_LOSS = 1e12;

/** Warm-up steps at the start of every turn, and the share of the learning rate that is left at its end. */
const WARM_UP = 50;
const FINAL_SHARE = 0.03;

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
  readonly #spaces: ModelSpaces;
  readonly #turns: readonly Turn[];
  readonly #timetable: KeypointTimetable;
  readonly #steps: ReturnType<typeof keypointSteps>;
  readonly #batches: KeypointBatches;
  readonly #encoder: FrameEncoder;
  readonly #collector: Collector;
  readonly #state: KeypointState;
  #runner: StepRunner | undefined;
  #encoded: Float32Array | undefined;
  /** Of the next update: how far the turn has come decides it, and that may be a matter of time. */
  #learningRate = 0;
  #validationError = Number.NaN;

  private constructor(options: LearnerOptions, recipe: KeypointRecipe, encoder: FrameEncoder, state: KeypointState) {
    this.#options = options;
    this.#recipe = recipe;
    this.#encoder = encoder;
    this.#state = state;
    this.#spaces = spacesOf(options.world);
    this.#turns = turnsOf(recipe);
    this.#timetable = new KeypointTimetable(this.#turns, options.seconds);
    const { network, horizon } = recipe;
    // The representation and decoder steps take other batch sizes than the dynamics: one set of steps for each.
    const steps = (batch: number) =>
      keypointSteps({ spaces: this.#spaces, config: network, batch, horizon, learningRate: () => this.#learningRate });
    this.#steps = {
      representation: steps(recipe.batch.representation).representation,
      dynamics: steps(recipe.batch.dynamics).dynamics,
      decoder: steps(recipe.batch.decoder).decoder,
    };
    this.#batches = new KeypointBatches(state.store, recipe.policyShare);
    this.latentSize = encoder.latentSize;
    this.graphs = bundleGraphs({
      worldModel: keypoint,
      config: network,
      spaces: this.#spaces,
      planning: { method: mppi, config: recipe.planner, short: recipe.shortPlanner },
      imagination: { sequences: 1, horizon: recipe.planner.horizon },
    });
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
    const work = turn.kind === "collect" ? await this.#collect(turn.round) : await this.#train(turn.kind);
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

  async weights(): Promise<Weights> {
    const current = this.#runner ? (await this.#runner.read()).weights : [];
    return new Map([...this.#state.weights, ...current]);
  }

  async snapshot(): Promise<Checkpoint> {
    await this.#keep();
    const { world, seed } = this.#options;
    return snapshotRun(this.#state, world.task, seed, this.#recipe);
  }

  async close(): Promise<void> {
    await this.#runner?.close();
    await this.#collector.close();
    await this.#encoder.close();
  }

  /** One episode. */
  async #collect(round: number): Promise<Work> {
    return { done: 1, figures: { return: await this.#collector.collect(this.#state, round) } };
  }

  /**
   * A slice of updates.
   * @throws ERR_TRAINING_DIVERGED if the loss stopped being a usable number
   */
  async #train(kind: KeypointPhase): Promise<Work> {
    const runner = (this.#runner ??= await this.#openRunner(kind));
    const { position } = this.#state;
    const most = Math.min(SLICE[kind], this.#timetable.updatesLeft(position));
    const sums: Record<string, number> = {};
    const beganNs = this.#options.clock.monotonicNs();
    let count = 0;
    for (; count < most; count++) {
      const done = position.done + count;
      const elapsedS = position.elapsedS + (this.#options.clock.monotonicNs() - beganNs) / 1e9;
      const share = this.#timetable.share({ ...position, done, elapsedS });
      if (share >= 1 && count > 0) break;
      this.#learningRate = this.#recipe.learningRate * rateShare(share, done);
      this.#fill(kind, runner, batchRng(this.#options.seed ^ SALT[kind], position.updates + count));
      const metrics = await runner.update(done);
      for (const [name, value] of Object.entries(metrics)) sums[name] = (sums[name] ?? 0) + value;
    }
    const loss = sums.loss! / count;
    if (!(Math.abs(loss) < LARGEST_LOSS)) throw diverged(kind, position.updates + count, loss);
    if (kind === "representation") this.#validationError = await this.#validate((await runner.read()).weights);
    const figures = { loss, ...(sums.consistency && { consistency: sums.consistency / count }) };
    return { done: count, figures: { ...figures, ...this.#validationFigure() } };
  }

  async #openRunner(kind: KeypointPhase): Promise<StepRunner> {
    const { weights, optimizers, store } = this.#state;
    this.#batches.refresh();
    if (kind !== "representation") this.#encoded ??= (await this.#encoder.encode(weights, store)).latents;
    return StepRunner.open(this.#steps[kind], weights, optimizers[kind], this.#options.session);
  }

  #fill(kind: KeypointPhase, { arrays }: StepRunner, rng: Rng): void {
    const { batch, horizon } = this.#recipe;
    if (kind === "representation") this.#batches.fillRepresentation(arrays, rng);
    else if (kind === "dynamics") this.#batches.fillDynamics(arrays, rng, this.#encoded!, horizon);
    else this.#batches.fillDecoder(arrays, rng, this.#encoded!, batch.decoder);
  }

  /** Root mean square error of the predicted reward on held-out frames. */
  async #validate(weights: Weights): Promise<number> {
    const { store } = this.#state;
    const heldOut = rewardedFrames(store.episodes.filter((episode) => episode.heldOut));
    const every = Math.max(1, Math.floor(heldOut.length / VALIDATION_FRAMES));
    const frames = heldOut.filter((_, i) => i % every === 0);
    const { rewards } = await this.#encoder.encode(weights, store, frames);
    const squares = frames.reduce((sum, frame, i) => sum + (rewards[i]! - store.rewards[frame]!) ** 2, 0);
    return Math.sqrt(squares / frames.length);
  }

  #validationFigure(): Readonly<Record<string, number>> {
    const { rewardPerM } = this.#options.world;
    if (rewardPerM === undefined) return { validationError: this.#validationError };
    return { validationCm: (100 * this.#validationError) / Math.abs(rewardPerM) };
  }

  /** Moves what the open runner has learned into the state. */
  async #keep(): Promise<void> {
    const kind = this.#turns[this.#state.position.turn]?.kind;
    if (!this.#runner || kind === undefined || kind === "collect") return;
    const { weights, optimizer } = await this.#runner.read();
    this.#state.weights = new Map([...this.#state.weights, ...weights]);
    this.#state.optimizers = { ...this.#state.optimizers, [kind]: optimizer };
  }

  async #endTurn(): Promise<void> {
    await this.#keep();
    await this.#runner?.close();
    this.#runner = undefined;
    await this.#collector.close();
    const { position } = this.#state;
    if (this.#turns[position.turn]!.kind === "representation") this.#encoded = undefined;
    this.#state.position = { ...position, turn: position.turn + 1, done: 0, turnBeganS: position.elapsedS };
  }
}

interface Work {
  readonly done: number;
  readonly figures: Readonly<Record<string, number>>;
}

/** Constant over the first half of a turn, then half a cosine down; warmed up because Adam's moments are stale at first. */
function rateShare(share: number, update: number): number {
  const decay = share < 0.5 ? 1 : Math.max(FINAL_SHARE, 0.5 * (1 + Math.cos(Math.PI * (2 * share - 1))));
  return decay * Math.min(1, (update + 1) / WARM_UP);
}

function diverged(kind: KeypointPhase, update: number, loss: number): LatentloopError {
  return new LatentloopError(
    "ERR_TRAINING_DIVERGED",
    `Training of the ${kind} diverged at update ${update}: loss ${loss}.`,
    {
      remedy:
        "Go on from the last checkpoint with --resume, or start again with another seed or a lower learning rate.",
    },
  );
}

/** The registry's entry. */
export const keypointSystem: LearningSystem = {
  name: "keypoint",
  title: keypoint.title,
  eyes: (task) => ({ cameras: recipeFor(task).cameras, width: IMAGE_SIZE, height: IMAGE_SIZE }),
  open(options) {
    const { world, steps } = options;
    const recipe = recipeFor(world.task);
    const scaled = steps === undefined ? recipe : scaleRecipe(recipe, steps, world.episodeSteps);
    return KeypointLearner.open(options, scaled);
  },
};
