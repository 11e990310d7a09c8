import type { Tensor } from "../../core/tensor.ts";
import { type EvaluationGraph, METRICS } from "../../graph/index.ts";
import { LocalGraph } from "../bundle/local-graph.ts";
import {
  allocateBuffers,
  type BatchPlan,
  type BatchSource,
  batchSpecs,
  borrowArrays,
  fillBuffers,
} from "../optimization/batches.ts";
import type { SessionOptions } from "../optimization/session.ts";

const SEED = 0x4e1d;
/** Batches that a figure is taken over: always the same, noise included. */
const BATCHES = 4;

/** The loss of an update on episodes that it never learns from. */
export class HeldOutLoss {
  readonly #graph: LocalGraph;
  readonly #evaluation: EvaluationGraph;
  readonly #source: BatchSource;

  private constructor(graph: LocalGraph, evaluation: EvaluationGraph, source: BatchSource) {
    this.#graph = graph;
    this.#evaluation = evaluation;
    this.#source = source;
  }

  static async open(evaluation: EvaluationGraph, source: BatchSource, session?: SessionOptions): Promise<HeldOutLoss> {
    return new HeldOutLoss(await LocalGraph.open(evaluation.graph.toOnnx(), session), evaluation, source);
  }

  /** @param tensors the state of the update, by the names that a checkpoint has for it */
  async measure(tensors: ReadonlyMap<string, Tensor>): Promise<number> {
    const { inputs } = this.#graph;
    const { metrics } = this.#evaluation;
    for (const [name, input] of Object.entries(inputs)) {
      const held = tensors.get(name);
      if (held) (input as Float32Array).set(held.data as Float32Array);
    }
    const specs = batchSpecs(this.#evaluation);
    const plan: BatchPlan = { specs, stepsPerRun: 1, seed: SEED, firstIndex: 0 };
    const buffers = allocateBuffers(plan);
    const batch = borrowArrays(plan, buffers);
    let sum = 0;
    for (let i = 0; i < BATCHES; i++) {
      await fillBuffers(plan, this.#source, buffers, i);
      for (const { name } of specs) (inputs[name] as Float32Array | undefined)?.set(batch[name] as Float32Array);
      const values = (await this.#graph.run())[METRICS] as Float32Array;
      sum += values[metrics.indexOf("loss")]!;
    }
    return sum / BATCHES;
  }

  close(): Promise<void> {
    return this.#graph.close();
  }
}
