import { borrowParameters, buildStep, initialState, type StepDefinition } from "../../graph/index.ts";
import { allocateBuffers, type BatchArrays, borrowArrays } from "./batches.ts";
import type { SessionOptions } from "./session.ts";
import { TrainingSession } from "./training-session.ts";

/** Trained values by parameter name. */
export type Weights = ReadonlyMap<string, Float32Array>;
/** What an optimiser remembers, by the names of the step's state. */
export type OptimizerState = ReadonlyMap<string, Float32Array>;

/**
 * One kind of update over weights that other kinds share: opened with the newest weights, closed when its turn is over.
 * Its optimiser goes on from where it was.
 */
export class StepRunner {
  /** The batch of the next update. */
  readonly arrays: BatchArrays;
  readonly #session: TrainingSession;

  private constructor(session: TrainingSession) {
    this.#session = session;
    const plan = { specs: session.step.fields, stepsPerRun: 1, seed: 0, firstIndex: 0 };
    this.arrays = borrowArrays(plan, allocateBuffers(plan));
  }

  static async open(
    definition: StepDefinition,
    weights: Weights,
    optimizer: OptimizerState = new Map(),
    options: SessionOptions = {},
  ): Promise<StepRunner> {
    const step = buildStep(definition);
    const session = await TrainingSession.create(step, options);
    session.load(new Map([...initialState(step.state, weights), ...optimizer]));
    return new StepRunner(session);
  }

  /** Updates the weights by the batch in `arrays`; `update` counts from 0 and decides the learning rate. */
  async update(update: number): Promise<Record<string, number>> {
    const values = await this.#session.run(this.arrays, update);
    return Object.fromEntries(this.#session.step.metrics.map((name, i) => [name, values[i]!]));
  }

  /** Copies of the weights that this step knows, and of its optimiser. */
  async read(): Promise<{ weights: Weights; optimizer: OptimizerState }> {
    const { state } = this.#session.step;
    const values = await this.#session.read();
    const kept = state.filter(({ role }) => role === "optimizer");
    return {
      weights: borrowParameters(state, values),
      optimizer: new Map(kept.map(({ name }) => [name, values.get(name)!])),
    };
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
