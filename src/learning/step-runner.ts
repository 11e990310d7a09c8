import { makeTensor, type Tensor } from "../core/tensor.ts";
import {
  borrowParameters,
  buildStep,
  initialState,
  LEARNING_RATES,
  METRICS,
  NEXT_SUFFIX,
  type StateTensor,
  type StepDefinition,
} from "../graph/index.ts";
import { allocateBuffers, type BatchArrays, borrowArrays } from "./batches.ts";
import type { SessionOptions } from "./session.ts";
import { TrainingSession } from "./training-session.ts";

/** Trained values by parameter name. */
export type Weights = ReadonlyMap<string, Float32Array>;
/** What an optimiser remembers, by state tensor name. */
export type OptimizerState = ReadonlyMap<string, Tensor>;

/**
 * One kind of update over weights that other kinds share: opened with the newest weights, closed when its turn is over.
 * Its optimiser goes on from where it was.
 */
export class StepRunner {
  /** The batch of the next update. */
  readonly arrays: BatchArrays;
  readonly #session: TrainingSession;
  readonly #state: readonly StateTensor[];
  readonly #metrics: readonly string[];
  readonly #feeds: BatchArrays;

  private constructor(session: TrainingSession, state: readonly StateTensor[], metrics: readonly string[]) {
    this.#session = session;
    this.#state = state;
    this.#metrics = metrics;
    const plan = { specs: session.program.batch, stepsPerRun: 1, seed: 0, firstIndex: 0 };
    this.#feeds = borrowArrays(plan, allocateBuffers(plan));
    const { [LEARNING_RATES]: _, ...arrays } = this.#feeds;
    this.arrays = arrays;
  }

  static async open(
    definition: StepDefinition,
    weights: Weights,
    optimizer: OptimizerState | undefined,
    options: SessionOptions = {},
  ): Promise<StepRunner> {
    const { graph, state, fields, learningRates, metrics } = buildStep(definition);
    const session = await TrainingSession.create(
      {
        name: definition.name,
        onnx: graph.toOnnx(),
        state: state.map(({ name, shape }) => ({ name, shape, dtype: "float32", next: name + NEXT_SUFFIX })),
        batch: [...fields, { name: LEARNING_RATES, shape: [learningRates.length], dtype: "float32" }],
        metrics: [METRICS],
        stepsPerRun: 1,
      },
      options,
    );
    const values = initialState(state, weights);
    const tensors = state.map(({ name, shape, role }): [string, Tensor] => {
      const kept = role === "optimizer" ? optimizer?.get(name) : undefined;
      return [name, kept ?? makeTensor("float32", shape, values.get(name)!)];
    });
    session.load(new Map(tensors), `the state of ${definition.name}`);
    return new StepRunner(session, state, metrics);
  }

  /** Updates the weights by the batch in `arrays`. */
  async update(learningRate: number): Promise<Record<string, number>> {
    (this.#feeds[LEARNING_RATES] as Float32Array).fill(learningRate);
    const values = (await this.#session.run(this.#feeds))[METRICS]!;
    return Object.fromEntries(this.#metrics.map((name, i) => [name, values[i]!]));
  }

  /** Copies of the weights that this step knows, and of its optimiser. */
  async read(): Promise<{ weights: Weights; optimizer: OptimizerState }> {
    const tensors = await this.#session.read();
    const values = new Map([...tensors].map(([name, { data }]) => [name, data as Float32Array]));
    const roles = new Map(this.#state.map(({ name, role }) => [name, role]));
    return {
      weights: borrowParameters(this.#state, values),
      optimizer: new Map([...tensors].filter(([name]) => roles.get(name) === "optimizer")),
    };
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
