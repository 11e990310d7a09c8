import type { Clock } from "../../core/clock.ts";
import type { Tensor } from "../../core/tensor.ts";
import { buildStep, type ParameterSpec, type StepDefinition } from "../../graph/index.ts";
import { type BatchSource, inlineBatches } from "../optimization/batches.ts";
import { parametersOf } from "../optimization/checkpoint-tensors.ts";
import type { SavedCheckpoint } from "../optimization/divergence.ts";
import { MetricMeans } from "../optimization/metric-means.ts";
import type { SessionOptions } from "../optimization/session.ts";
import type { Weights } from "../optimization/step-runner.ts";
import type { Position, Timetable, Work } from "../optimization/timetable.ts";
import { freshStart, Trainer } from "../optimization/trainer.ts";
import { turnRate } from "../optimization/turn-rate.ts";
import type { HeldOutLoss } from "./held-out-loss.ts";
import type { TurnTrainer } from "./turned-fine-tuner.ts";

/** A slice of updates takes about so long. */
const SLICE_NS = 5e8;
/** Updates between two looks at the held-out episodes. */
const MEASURE_EVERY = 50;
/** What an optimiser remembers: a turn begins without. */
const OPTIMIZER = "optimizer/";

export interface JointTurn {
  /** The update, with what this turn leaves alone held fast. */
  readonly step: StepDefinition;
  readonly batches: BatchSource;
}

/** The share of the learning rate that the next update is made with. */
export interface Pace {
  share: number;
}

export interface JointTrainerOptions {
  readonly turns: readonly JointTurn[];
  readonly timetable: Timetable;
  /** What the steps' learning rates are multiplied with. */
  readonly pace: Pace;
  /** The live model's weights; the seed draws those that are not among them. */
  readonly weights: Weights;
  readonly parameters: readonly ParameterSpec[];
  /** Tensors of the run that goes on. */
  readonly resume?: ReadonlyMap<string, Tensor>;
  /** Measures how the run goes. */
  readonly heldOut?: HeldOutLoss | undefined;
  readonly seed: number;
  readonly clock: Clock;
  readonly session?: SessionOptions;
}

/**
 * Turns of one update that trains all networks of a system, each with other parts held fast.
 *
 * A turn takes over weights, target copies and carried values of the one before. Its optimiser begins anew: moments of parameters
 * that are held fast from now on would move them.
 */
export class JointTrainer implements TurnTrainer {
  readonly #options: JointTrainerOptions;
  /** The state of a turn that is still to be opened. */
  #tensors: ReadonlyMap<string, Tensor>;
  #open: Trainer | undefined;
  #saved: SavedCheckpoint | undefined;
  #heldOut: { readonly loss: number; readonly update: number } | undefined;

  constructor(options: JointTrainerOptions) {
    this.#options = options;
    this.#tensors = options.resume ?? new Map();
  }

  async train(position: Position): Promise<Work> {
    const { clock, timetable, pace } = this.#options;
    const trainer = (this.#open ??= await this.#begin(position));
    this.#heldOut ??= await this.#measure(trainer);
    const most = timetable.updatesLeft(position);
    const means = new MetricMeans();
    const beganNs = clock.monotonicNs();
    let [done, spentNs] = [0, 0];
    while (done < most && spentNs < SLICE_NS) {
      const now = { ...position, done: position.done + done, elapsedS: position.elapsedS + spentNs / 1e9 };
      const share = timetable.share(now);
      if (share >= 1 && done > 0) break;
      pace.share = turnRate(share, now.done);
      for (const { metrics } of await trainer.advance()) means.add(metrics);
      done++;
      spentNs = clock.monotonicNs() - beganNs;
    }
    const isDue = done === most || trainer.step - (this.#heldOut?.update ?? 0) >= MEASURE_EVERY;
    if (isDue) this.#heldOut = await this.#measure(trainer);
    return { done, figures: { ...means.read(), ...(this.#heldOut && { heldOutLoss: this.#heldOut.loss }) } };
  }

  async endTurn(): Promise<void> {
    this.#tensors = new Map([...(await this.tensors())].filter(([name]) => !name.startsWith(OPTIMIZER)));
    await this.#open?.close();
    this.#open = undefined;
  }

  async weights(): Promise<Weights> {
    const tensors = await this.tensors();
    const { weights, parameters } = this.#options;
    return tensors.size === 0 ? weights : parametersOf({ parameters }, tensors);
  }

  async tensors(): Promise<Map<string, Tensor>> {
    return new Map(this.#open ? (await this.#open.snapshot()).tensors : this.#tensors);
  }

  noteSaved(saved: SavedCheckpoint): void {
    this.#saved = saved;
    this.#open?.noteSaved(saved);
  }

  async close(): Promise<void> {
    await this.#open?.close();
    await this.#options.heldOut?.close();
  }

  async #begin({ turn, updates }: Position): Promise<Trainer> {
    const { turns, weights, seed, session } = this.#options;
    const { step: definition, batches } = turns[turn]!;
    const step = buildStep(definition);
    const { tensors } = freshStart(step, seed, { pretrained: weights });
    const trainer = await Trainer.create({
      step,
      from: { tensors: new Map([...tensors, ...this.#tensors]), progress: { step: updates, seed, extra: {} } },
      batches: (plan) => inlineBatches(batches, plan),
      ...(session && { session }),
    });
    if (this.#saved) trainer.noteSaved(this.#saved);
    return trainer;
  }

  async #measure(trainer: Trainer): Promise<{ loss: number; update: number } | undefined> {
    const { heldOut } = this.#options;
    if (!heldOut) return undefined;
    const { tensors } = await trainer.snapshot();
    return { loss: await heldOut.measure(tensors), update: trainer.step };
  }
}
