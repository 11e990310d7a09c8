import * as ort from "onnxruntime-node";
import { allocateData, elementCount, type Shape, type TensorSpec } from "../../core/tensor.ts";
import { Graph, LEARNING_RATES, METRICS, NEXT_SUFFIX, type StateTensor, type StepGraph } from "../../graph/index.ts";
import type { BatchArrays } from "./batches.ts";
import type { StateArrays } from "./checkpoint-tensors.ts";
import { createSession, keepsTensorsOnDevice, type SessionOptions } from "./session.ts";

/**
 * Beyond this the tensors are many and small, and planning their memory gains up to 6 % of the time; below it they are few
 * and large, and planning gains nothing for a third more memory.
 */
const MANY_NODES = 1000;
/** Beyond this the runtime rewrites a graph for longer than its updates gain from it. */
const MOST_NODES_TO_OPTIMIZE = 10_000;

/**
 * A step graph with its state.
 *
 * On the CPU the state lives in two sets of preallocated tensors that change roles after every run, so that nothing is
 * copied or allocated. On a device whose binding allows it, the state never leaves the device.
 */
export class TrainingSession {
  readonly step: StepGraph;
  readonly #session: ort.InferenceSession;
  readonly #onDevice: boolean;
  readonly #feeds: Record<string, ort.Tensor> = {};
  readonly #fetches: Record<string, ort.Tensor | null> = {};

  private constructor(step: StepGraph, session: ort.InferenceSession, onDevice: boolean) {
    this.step = step;
    this.#session = session;
    this.#onDevice = onDevice;
    for (const { name, shape } of step.state) {
      this.#feeds[name] = zeros(shape);
      this.#fetches[name + NEXT_SUFFIX] = onDevice ? null : zeros(shape);
    }
    const rows = step.updates === undefined ? [] : [step.updates];
    this.#feeds[LEARNING_RATES] = zeros([...rows, step.learningRates.length]);
    this.#fetches[METRICS] = zeros([...rows, step.metrics.length]);
  }

  /** @throws ERR_PROVIDER_UNAVAILABLE if the provider cannot run the graph here */
  static async create(step: StepGraph, options: SessionOptions = {}): Promise<TrainingSession> {
    const keepOnDevice = step.state.map(({ name }) => name + NEXT_SUFFIX);
    const nodes = countNodes(step.graph);
    const choices = { planMemory: nodes > MANY_NODES, optimize: nodes <= MOST_NODES_TO_OPTIMIZE };
    const session = await createSession(step.graph.toOnnx(), { ...choices, ...options, keepOnDevice });
    return new TrainingSession(step, session, keepsTensorsOnDevice(options.provider ?? "cpu"));
  }

  /** Takes a copy of the state's values. */
  load(state: StateArrays): void {
    for (const { name, shape } of this.step.state) {
      this.#feeds[name]!.dispose();
      this.#feeds[name] = new ort.Tensor("float32", state.get(name)!.slice(), shape);
    }
  }

  /** A copy of the state's values. */
  async read(): Promise<Map<string, Float32Array>> {
    const held = this.#onDevice ? await copyToHost(this.step.state, this.#feeds) : this.#feeds;
    return new Map(this.step.state.map(({ name }) => [name, (held[name]!.data as Float32Array).slice()]));
  }

  /**
   * One run: one update, or `step.updates` of them, the first of which is number `update` (from 0).
   *
   * Shapes: returns the metrics [(updates), names], valid until the next run
   */
  async run(batch: BatchArrays, update: number): Promise<Float32Array> {
    const { state, fields, noise } = this.step;
    for (const spec of [...fields, ...noise]) this.#feeds[spec.name] = this.#rows(spec, batch);
    this.#fillLearningRates(update);
    const outputs = await this.#session.run(this.#feeds, this.#fetches);
    for (const { name } of state) {
      const previous = this.#feeds[name]!;
      this.#feeds[name] = outputs[name + NEXT_SUFFIX]!;
      if (this.#onDevice) previous.dispose();
      else this.#fetches[name + NEXT_SUFFIX] = previous;
    }
    return outputs[METRICS]!.data as Float32Array;
  }

  async close(): Promise<void> {
    for (const { name } of this.step.state) this.#feeds[name]!.dispose();
    await this.#session.release();
  }

  #rows({ name, shape, dtype }: TensorSpec, batch: BatchArrays): ort.Tensor {
    const { updates } = this.step;
    const full = updates === undefined ? shape : [updates, ...shape];
    return new ort.Tensor(dtype as "float32", batch[name] as Float32Array, full);
  }

  #fillLearningRates(update: number): void {
    const rates = this.#feeds[LEARNING_RATES]!.data as Float32Array;
    const { learningRates } = this.step;
    for (let i = 0; i < rates.length; i++) {
      const row = Math.floor(i / learningRates.length);
      rates[i] = learningRates[i % learningRates.length]!.at(update + row);
    }
  }
}

/** Nodes of a graph, those of Loop bodies included. */
export function countNodes({ nodes }: Graph): number {
  return nodes.reduce((count, { attributes }) => {
    const bodies = Object.values(attributes).filter((attribute) => attribute instanceof Graph);
    return count + 1 + bodies.reduce((inner, body) => inner + countNodes(body), 0);
  }, 0);
}

function zeros(shape: Shape): ort.Tensor {
  return new ort.Tensor("float32", allocateData("float32", elementCount(shape)), shape);
}

/** Device tensors as tensors on the host, by a graph that copies them: reading a device tensor directly ends the process. */
async function copyToHost(
  specs: readonly StateTensor[],
  held: Readonly<Record<string, ort.Tensor>>,
): Promise<Record<string, ort.Tensor>> {
  const graph = new Graph("copy_to_host");
  for (const { name, shape } of specs) graph.output(`${name}:host`, graph.input(name, shape));
  const session = await createSession(graph.toOnnx(), { provider: "webgpu" });
  try {
    const outputs = await session.run(Object.fromEntries(specs.map(({ name }) => [name, held[name]!])));
    return Object.fromEntries(specs.map(({ name }) => [name, outputs[`${name}:host`]!]));
  } finally {
    await session.release();
  }
}
