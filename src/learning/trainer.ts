import { LatentloopError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import type { AtomicFileSystem } from "./atomic-file.ts";
import type { BatchPlan, BatchStream } from "./batches.ts";
import { type Checkpoint, type Progress, saveCheckpoint } from "./checkpoint.ts";
import type { SessionOptions } from "./session.ts";
import type { StepProgram } from "./step-program.ts";
import { type Metrics, TrainingSession } from "./training-session.ts";

export interface TrainerOptions {
  readonly program: StepProgram;
  /** The state to start from: fresh with a seed, or a checkpoint to go on from. */
  readonly from: Checkpoint;
  /** The file that `from` was read from, so that an error can name it. */
  readonly fromPath?: string;
  /** Opens the batches: `inlineBatches` or `prefetchBatches` over a source. */
  readonly batches: (plan: BatchPlan) => BatchStream;
  readonly session?: SessionOptions;
  /** So many unusable losses in a row end the run; a single one is skipped and counted. */
  readonly maxUnusableInRow?: number;
  /** A loss beyond this, or not a number, is unusable. */
  readonly maxLoss?: number;
}

/** One optimiser step, after the fact. */
export interface StepReport {
  /** Counted from 1. */
  readonly step: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

const DEFAULT_MAX_UNUSABLE_IN_ROW = 10;
const DEFAULT_MAX_LOSS = 1e12;

/** The state of a run before its first step. */
export function freshStart(
  tensors: ReadonlyMap<string, Tensor>,
  seed: number,
  extra: Progress["extra"] = {},
): Checkpoint {
  return { tensors, progress: { step: 0, seed, extra } };
}

/**
 * A training run: a step program, its state and its batches.
 *
 * On the CPU a run that is saved and resumed goes on with the same bytes as one that was never interrupted.
 */
export class Trainer {
  readonly #session: TrainingSession;
  readonly #batches: BatchStream;
  readonly #seed: number;
  readonly #extra: Progress["extra"];
  readonly #maxUnusableInRow: number;
  readonly #maxLoss: number;
  #step: number;
  #unusableInRow = 0;
  #lastCheckpoint: { readonly path: string; readonly step: number } | undefined;

  private constructor(session: TrainingSession, batches: BatchStream, options: TrainerOptions) {
    const { progress } = options.from;
    this.#session = session;
    this.#batches = batches;
    this.#seed = progress.seed;
    this.#extra = progress.extra;
    this.#step = progress.step;
    this.#lastCheckpoint = options.fromPath === undefined ? undefined : { path: options.fromPath, step: progress.step };
    this.#maxUnusableInRow = options.maxUnusableInRow ?? DEFAULT_MAX_UNUSABLE_IN_ROW;
    this.#maxLoss = options.maxLoss ?? DEFAULT_MAX_LOSS;
  }

  /**
   * @throws ERR_CHECKPOINT_MISMATCH if `from` holds other tensors than the program's state
   * @throws ERR_PROVIDER_UNAVAILABLE if the provider cannot run the program here
   */
  static async create(options: TrainerOptions): Promise<Trainer> {
    const { program, from, batches } = options;
    const session = await TrainingSession.create(program, options.session);
    try {
      session.load(from.tensors, options.fromPath ?? "the initial state");
      const { batch: specs, stepsPerRun } = program;
      const { seed, step } = from.progress;
      return new Trainer(session, batches({ specs, stepsPerRun, seed, firstIndex: step }), options);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Optimiser steps tried so far. */
  get step(): number {
    return this.#step;
  }

  /** Whether the last step's loss was a usable number: only then is the state worth keeping. */
  get healthy(): boolean {
    return this.#unusableInRow === 0;
  }

  /**
   * One run of the program: one report per optimiser step in it.
   * @throws ERR_TRAINING_DIVERGED after too many unusable losses in a row
   * @throws ERR_BATCH_SOURCE if the batches end
   */
  async advance(): Promise<StepReport[]> {
    const metrics = await this.#session.run(await this.#batches.next());
    return Array.from({ length: this.#session.program.stepsPerRun }, (_, k) => this.#report(metrics, k));
  }

  /** A copy of the state and progress. */
  async snapshot(): Promise<Checkpoint> {
    const progress = { step: this.#step, seed: this.#seed, extra: this.#extra };
    return { tensors: await this.#session.read(), progress };
  }

  /** @throws ERR_CHECKPOINT_WRITE if the disk refuses; the file that was there before is untouched */
  async save(path: string, files?: AtomicFileSystem): Promise<void> {
    await saveCheckpoint(path, await this.snapshot(), files);
    this.#lastCheckpoint = { path, step: this.#step };
  }

  async close(): Promise<void> {
    await this.#batches.close();
    await this.#session.close();
  }

  #report(metrics: Metrics, k: number): StepReport {
    this.#step++;
    const values = Object.fromEntries(Object.entries(metrics).map(([name, column]) => [name, column[k]!]));
    const { loss = Number.NaN } = values;
    this.#unusableInRow = Math.abs(loss) <= this.#maxLoss ? 0 : this.#unusableInRow + 1;
    if (this.#unusableInRow >= this.#maxUnusableInRow) throw this.#diverged(loss);
    return { step: this.#step, loss, metrics: values };
  }

  #diverged(loss: number): LatentloopError {
    const { program } = this.#session;
    const last = this.#lastCheckpoint;
    const kept = last ? `the last good checkpoint is ${last.path} of step ${last.step}` : "no checkpoint was saved";
    return new LatentloopError(
      "ERR_TRAINING_DIVERGED",
      `Training of ${program.name} diverged at step ${this.#step}: loss ${loss}, unusable ${this.#unusableInRow} times in a row; ${kept}.`,
      {
        remedy:
          "Go on from the last good checkpoint with a lower learning rate, and check the data for values that are no numbers.",
      },
    );
  }
}
