import type { Tensor } from "../../core/tensor.ts";
import type { BundleGraphDefinitions } from "../../world-models/bundle-graphs.ts";
import type { Checkpoint } from "../optimization/checkpoint.ts";
import type { SavedCheckpoint } from "../optimization/divergence.ts";
import type { Weights } from "../optimization/step-runner.ts";
import type { Position, Timetable, Work } from "../optimization/timetable.ts";
import type { FineTuneOptions, FineTuneReport, FineTuner } from "./fine-tuner.ts";
import { progressOf } from "./run-identity.ts";

/** Makes the updates of a fine-tuning run, one turn after another. */
export interface TurnTrainer {
  /** A slice of updates of the present turn: about half a second. @throws ERR_TRAINING_DIVERGED */
  train(position: Position): Promise<Work>;
  endTurn(): Promise<void>;
  /** A copy of the weights as they are now. */
  weights(): Promise<Weights>;
  /** Copies of all that an exact resume needs. */
  tensors(): Promise<Map<string, Tensor>>;
  /** Tells it where its last tensors lie, for the error that ends a diverging run. */
  noteSaved(saved: SavedCheckpoint): void;
  close(): Promise<void>;
}

/** What a learning system brings to a fine-tuning run. */
export interface Tuning {
  readonly system: string;
  /** Everything that decides what the system learns. */
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly latentSize: number;
  readonly graphs: BundleGraphDefinitions;
  readonly turns: readonly { readonly name: string }[];
  readonly timetable: Timetable;
  readonly trainer: TurnTrainer;
  /** Where it begins, or goes on. */
  readonly position: Position;
}

/** A fine-tuning run: the turns of a system in order, slice by slice, each exactly resumable. */
export class TurnedFineTuner implements FineTuner {
  readonly graphs: BundleGraphDefinitions;
  readonly latentSize: number;
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly #options: FineTuneOptions;
  readonly #tuning: Tuning;
  #position: Position;

  constructor(options: FineTuneOptions, tuning: Tuning) {
    this.#options = options;
    this.#tuning = tuning;
    this.#position = tuning.position;
    this.graphs = tuning.graphs;
    this.latentSize = tuning.latentSize;
    this.hyperparameters = { ...tuning.recipe, fineTuning: options.settings };
  }

  get finished(): boolean {
    return this.#position.turn >= this.#tuning.turns.length;
  }

  async advance(): Promise<FineTuneReport> {
    const { turns, timetable, trainer } = this.#tuning;
    const { clock } = this.#options;
    const { name: phase } = turns[this.#position.turn]!;
    const beganNs = clock.monotonicNs();
    const { done, figures } = await trainer.train(this.#position);
    const position = this.#position;
    this.#position = {
      ...position,
      done: position.done + done,
      updates: position.updates + done,
      elapsedS: position.elapsedS + (clock.monotonicNs() - beganNs) / 1e9,
    };
    if (timetable.share(this.#position) >= 1) await this.#endTurn();
    return { phase, progress: timetable.progress(this.#position), updates: this.#position.updates, figures };
  }

  weights(): Promise<Weights> {
    return this.#tuning.trainer.weights();
  }

  async snapshot(): Promise<Checkpoint> {
    const { system, trainer } = this.#tuning;
    return { tensors: await trainer.tensors(), progress: progressOf(system, this.#options, this.#position) };
  }

  noteSaved(path: string): void {
    this.#tuning.trainer.noteSaved({ path, step: this.#position.updates });
  }

  close(): Promise<void> {
    return this.#tuning.trainer.close();
  }

  async #endTurn(): Promise<void> {
    await this.#tuning.trainer.endTurn();
    const { turn, elapsedS } = this.#position;
    this.#position = { ...this.#position, turn: turn + 1, done: 0, turnBeganS: elapsedS };
  }
}
