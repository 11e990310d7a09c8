import type { Clock } from "../../core/clock.ts";
import type { Rng } from "../../core/rng.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import { batchRng } from "../optimization/batches.ts";
import { type SavedCheckpoint, trainingDiverged } from "../optimization/divergence.ts";
import { MetricMeans } from "../optimization/metric-means.ts";
import type { SessionOptions } from "../optimization/session.ts";
import { StepRunner, type Weights } from "../optimization/step-runner.ts";
import type { Timetable, Work } from "../optimization/timetable.ts";
import { turnRate } from "../optimization/turn-rate.ts";
import type { EncodedStores, KeypointBatches } from "./batches.ts";
import type { FrameEncoder } from "./frame-encoder.ts";
import type { KeypointProgress } from "./state.ts";
import type { KeypointPhase, KeypointSteps } from "./steps.ts";

/** Updates between two reports: about half a second each. */
const SLICE: Readonly<Record<KeypointPhase, number>> = { representation: 40, dynamics: 120, decoder: 40 };
/** Held-out frames that the validation error is measured on while the encoder learns. */
const VALIDATION_FRAMES = 256;
/** Seeds of independent streams of random numbers. */
const SALT: Readonly<Record<KeypointPhase, number>> = { representation: 0x1a, dynamics: 0x2b, decoder: 0x3c };
/** A loss beyond this has left the numbers that learning can come back from. */
const LARGEST_LOSS = 1e12;

export interface PhaseTrainerOptions {
  /** The updates, with the learning rate as this function says. */
  steps(learningRate: () => number): KeypointSteps;
  readonly batches: Readonly<Record<KeypointPhase, KeypointBatches>>;
  readonly encoder: FrameEncoder;
  readonly timetable: Timetable;
  readonly learningRate: number;
  readonly decoderBatch: number;
  /** Frames that tell how well the reward is read off them. */
  readonly validation: {
    readonly store: EpisodeStore;
    frames(): Int32Array;
    /** Makes a length of the error, where the reward is one. */
    readonly rewardPerM?: number | undefined;
  };
  readonly seed: number;
  readonly clock: Clock;
  readonly session?: SessionOptions;
}

/** Makes the keypoint model's updates, one turn after another, slice by slice. */
export class PhaseTrainer {
  readonly #options: PhaseTrainerOptions;
  readonly #steps: KeypointSteps;
  #runner: { readonly kind: KeypointPhase; readonly runner: StepRunner } | undefined;
  #encoded: EncodedStores | undefined;
  /** Of the next update: how far the turn has come decides it, and that may be a matter of time. */
  #learningRate = 0;
  #validationError = Number.NaN;
  #lastCheckpoint: SavedCheckpoint | undefined;

  constructor(options: PhaseTrainerOptions) {
    this.#options = options;
    this.#steps = options.steps(() => this.#learningRate);
  }

  /**
   * A slice of updates of the present turn.
   * @throws ERR_TRAINING_DIVERGED if the loss stopped being a usable number
   */
  async train(kind: KeypointPhase, state: KeypointProgress): Promise<Work> {
    const { clock, timetable, learningRate, seed } = this.#options;
    const { runner } = (this.#runner ??= { kind, runner: await this.#open(kind, state) });
    const { position } = state;
    const most = Math.min(SLICE[kind], timetable.updatesLeft(position));
    const means = new MetricMeans();
    const beganNs = clock.monotonicNs();
    let count = 0;
    for (; count < most; count++) {
      const done = position.done + count;
      const elapsedS = position.elapsedS + (clock.monotonicNs() - beganNs) / 1e9;
      const share = timetable.share({ ...position, done, elapsedS });
      if (share >= 1 && count > 0) break;
      this.#learningRate = learningRate * turnRate(share, done);
      this.#fill(kind, runner, batchRng(seed ^ SALT[kind], position.updates + count));
      means.add(await runner.update(done));
    }
    const { loss = Number.NaN, consistency } = means.read();
    if (!(Math.abs(loss) < LARGEST_LOSS)) {
      throw trainingDiverged(`the ${kind}`, { step: position.updates + count, loss, last: this.#lastCheckpoint });
    }
    if (kind === "representation") this.#validationError = await this.#validate((await runner.read()).weights);
    const figures = { loss, ...(consistency !== undefined && { consistency }) };
    return { done: count, figures: { ...figures, ...this.#validationFigure() } };
  }

  /** A copy of the weights as they are now. */
  async weights(state: KeypointProgress): Promise<Weights> {
    const current = this.#runner ? (await this.#runner.runner.read()).weights : [];
    return new Map([...state.weights, ...current]);
  }

  /** Moves what the open turn has learned into the state. */
  async keep(state: KeypointProgress): Promise<void> {
    if (!this.#runner) return;
    const { kind, runner } = this.#runner;
    const { weights, optimizer } = await runner.read();
    state.weights = new Map([...state.weights, ...weights]);
    state.optimizers = { ...state.optimizers, [kind]: optimizer };
  }

  /** Tells it where its last state lies, for the error that ends a diverging run. */
  noteSaved(saved: SavedCheckpoint): void {
    this.#lastCheckpoint = saved;
  }

  async endTurn(state: KeypointProgress): Promise<void> {
    await this.keep(state);
    if (this.#runner?.kind === "representation") this.#encoded = undefined;
    await this.close();
  }

  async close(): Promise<void> {
    await this.#runner?.runner.close();
    this.#runner = undefined;
  }

  async #open(kind: KeypointPhase, { weights, optimizers }: KeypointProgress): Promise<StepRunner> {
    const batches = this.#options.batches[kind];
    batches.refresh();
    if (kind !== "representation") this.#encoded = await this.#encode(weights, batches.stores);
    return StepRunner.open(this.#steps[kind], weights, optimizers[kind], this.#options.session);
  }

  /** Latents of the stores' frames; they hold until the encoder learns again. */
  async #encode(weights: Weights, stores: readonly EpisodeStore[]): Promise<EncodedStores> {
    const encoded = new Map(this.#encoded);
    for (const store of stores) {
      if (!encoded.has(store)) encoded.set(store, (await this.#options.encoder.encode(weights, store)).latents);
    }
    return encoded;
  }

  #fill(kind: KeypointPhase, { arrays }: StepRunner, rng: Rng): void {
    const { batches, decoderBatch } = this.#options;
    if (kind === "representation") batches[kind].fillRepresentation(arrays, rng);
    else if (kind === "dynamics") batches[kind].fillDynamics(arrays, rng, this.#encoded!);
    else batches[kind].fillDecoder(arrays, rng, this.#encoded!, decoderBatch);
  }

  /** Root mean square error of the predicted reward on held-out frames; NaN where there are none. */
  async #validate(weights: Weights): Promise<number> {
    const { encoder, validation } = this.#options;
    const { store } = validation;
    const all = validation.frames();
    const every = Math.max(1, Math.floor(all.length / VALIDATION_FRAMES));
    const frames = all.filter((_, i) => i % every === 0);
    const { rewards } = await encoder.encode(weights, store, frames);
    const squares = frames.reduce((sum, frame, i) => sum + (rewards[i]! - store.rewards[frame]!) ** 2, 0);
    return Math.sqrt(squares / frames.length);
  }

  #validationFigure(): Readonly<Record<string, number>> {
    const { rewardPerM } = this.#options.validation;
    if (Number.isNaN(this.#validationError)) return {};
    if (rewardPerM === undefined) return { validationError: this.#validationError };
    return { validationCm: (100 * this.#validationError) / Math.abs(rewardPerM) };
  }
}
