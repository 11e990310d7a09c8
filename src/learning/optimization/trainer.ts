import { LatentloopError } from "../../core/errors.ts";
import type { StepGraph } from "../../graph/index.ts";
import type { AtomicFileSystem } from "../atomic-file.ts";
import { type BatchPlan, type BatchStream, batchSpecs } from "./batches.ts";
import { type Checkpoint, checkTensors, type Progress, saveCheckpoint } from "./checkpoint.ts";
import { borrowTensors, checkpointSpecs, copyTensors, emptyState, initialTensors } from "./checkpoint-tensors.ts";
import { type SavedCheckpoint, trainingDiverged } from "./divergence.ts";
import type { SessionOptions } from "./session.ts";
import { TrainingSession } from "./training-session.ts";

export interface TrainerOptions {
  readonly step: StepGraph;
  /** The state to start from: `freshStart`, or a checkpoint to go on from. */
  readonly from: Checkpoint;
  /** The file that `from` was read from, so that an error can name it. */
  readonly fromPath?: string;
  /** Opens the batches: `inlineBatches` or `prefetchBatches` over a source. */
  readonly batches: (plan: BatchPlan) => BatchStream;
  readonly session?: SessionOptions;
  /** The metric that tells whether training goes well. */
  readonly lossMetric?: string;
  /** So many unusable steps in a row end the run; fewer are skipped and counted. */
  readonly maxUnusableInRow?: number;
  /** A loss beyond this, or not a number, is unusable. */
  readonly maxLoss?: number;
}

/** One optimiser step, after the fact. */
export interface StepReport {
  /** Counted from 1, skipped ones included. */
  readonly step: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

const DEFAULT_MAX_UNUSABLE_IN_ROW = 10;
const DEFAULT_MAX_LOSS = 1e12;
/** A metric of the step graph that counts the updates it left out because a gradient was not finite. */
const SKIPPED = /\/skipped$/;

/** The state of a run before its first step, drawn from the seed except for the parameters that are given. */
export function freshStart(
  step: StepGraph,
  seed: number,
  { extra = {}, pretrained }: { extra?: Progress["extra"]; pretrained?: ReadonlyMap<string, Float32Array> } = {},
): Checkpoint {
  return { tensors: initialTensors(step, seed, pretrained), progress: { step: 0, seed, extra } };
}

/**
 * A training run: a step graph, its state and its batches.
 *
 * On the CPU a run that is saved and resumed goes on with the same bytes as one that was never interrupted.
 */
export class Trainer {
  readonly #session: TrainingSession;
  readonly #batches: BatchStream;
  readonly #progress: Progress;
  readonly #lossColumn: number;
  readonly #skippedColumns: readonly number[];
  readonly #maxUnusableInRow: number;
  readonly #maxLoss: number;
  #step: number;
  #skipped: number;
  #unusableInRow = 0;
  #lastCheckpoint: SavedCheckpoint | undefined;

  private constructor(session: TrainingSession, batches: BatchStream, lossColumn: number, options: TrainerOptions) {
    const { from, fromPath, step } = options;
    this.#session = session;
    this.#batches = batches;
    this.#progress = from.progress;
    this.#lossColumn = lossColumn;
    this.#skippedColumns = step.metrics.flatMap((name, column) => (SKIPPED.test(name) ? [column] : []));
    this.#step = from.progress.step;
    this.#skipped = skippedIn(from, step);
    this.#lastCheckpoint = fromPath === undefined ? undefined : { path: fromPath, step: this.#step };
    this.#maxUnusableInRow = options.maxUnusableInRow ?? DEFAULT_MAX_UNUSABLE_IN_ROW;
    this.#maxLoss = options.maxLoss ?? DEFAULT_MAX_LOSS;
  }

  /**
   * @throws ERR_CHECKPOINT_MISMATCH if `from` holds other tensors than the step's state
   * @throws ERR_PROVIDER_UNAVAILABLE if the provider cannot run the step here
   */
  static async create(options: TrainerOptions): Promise<Trainer> {
    const { step, from, fromPath, batches, lossMetric = "loss" } = options;
    const lossColumn = step.metrics.indexOf(lossMetric);
    if (lossColumn < 0) {
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected a metric "${lossMetric}" of ${step.graph.name} but it reports ${step.metrics.join(", ")}.`,
      );
    }
    checkTensors(checkpointSpecs(step), from.tensors, fromPath ?? "the initial state");
    const state = emptyState(step);
    copyTensors(step, from.tensors, state);
    const session = await TrainingSession.create(step, options.session);
    try {
      session.load(state);
      const { seed, step: firstIndex } = from.progress;
      const stream = batches({ specs: batchSpecs(step), stepsPerRun: step.updates ?? 1, seed, firstIndex });
      return new Trainer(session, stream, lossColumn, options);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Optimiser steps tried so far. */
  get step(): number {
    return this.#step;
  }

  /** Whether the last step was usable: only then is the state worth keeping. */
  get healthy(): boolean {
    return this.#unusableInRow === 0;
  }

  /**
   * One run of the step graph: one report per update in it.
   * @throws ERR_TRAINING_DIVERGED after too many unusable steps in a row
   * @throws ERR_BATCH_SOURCE if the batches end
   */
  async advance(): Promise<StepReport[]> {
    const metrics = await this.#session.run(await this.#batches.next(), this.#step);
    const width = this.#session.step.metrics.length;
    const reports: StepReport[] = [];
    for (let i = 0; i < metrics.length; i += width) reports.push(this.#report(metrics.subarray(i, i + width)));
    return reports;
  }

  /** A copy of the state, and where the run stands. */
  async snapshot(): Promise<Checkpoint> {
    const tensors = borrowTensors(this.#session.step, await this.#session.read());
    return { tensors, progress: { ...this.#progress, step: this.#step } };
  }

  /** @throws ERR_CHECKPOINT_WRITE if the disk refuses; the file that was there before is untouched */
  async save(path: string, files?: AtomicFileSystem): Promise<void> {
    await saveCheckpoint(path, await this.snapshot(), files);
    this.noteSaved({ path, step: this.#step });
  }

  /** Where a snapshot of this run was written: what a diverging run goes back to. */
  noteSaved(saved: SavedCheckpoint): void {
    this.#lastCheckpoint = saved;
  }

  async close(): Promise<void> {
    await this.#batches.close();
    await this.#session.close();
  }

  #report(row: Float32Array): StepReport {
    this.#step++;
    const loss = row[this.#lossColumn]!;
    const skipped = this.#skippedColumns.reduce((sum, column) => sum + row[column]!, 0);
    const wasSkipped = skipped > this.#skipped;
    this.#skipped = skipped;
    this.#unusableInRow = Math.abs(loss) <= this.#maxLoss && !wasSkipped ? 0 : this.#unusableInRow + 1;
    if (this.#unusableInRow >= this.#maxUnusableInRow) {
      throw trainingDiverged(this.#session.step.graph.name, {
        step: this.#step,
        loss,
        inRow: this.#unusableInRow,
        last: this.#lastCheckpoint,
      });
    }
    const metrics = Object.fromEntries(this.#session.step.metrics.map((name, column) => [name, row[column]!]));
    return { step: this.#step, loss, metrics };
  }
}

/** Updates that the run so far left out. */
function skippedIn({ tensors }: Checkpoint, { metrics }: StepGraph): number {
  const counters = metrics.filter((name) => SKIPPED.test(name)).map((name) => tensors.get(`optimizer/${name}`));
  return counters.reduce((sum, counter) => sum + Number(counter?.data[0] ?? 0), 0);
}
