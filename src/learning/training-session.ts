import * as ort from "onnxruntime-node";
import { allocateData, elementCount, type Tensor, type TensorSpec } from "../core/tensor.ts";
import { Graph } from "../graph/index.ts";
import type { BatchArrays } from "./batches.ts";
import { checkTensors } from "./checkpoint.ts";
import { createSession, keepsTensorsOnDevice, type SessionOptions } from "./session.ts";
import type { StepProgram } from "./step-program.ts";

/** Metric values of one run: one per optimiser step. */
export type Metrics = Readonly<Record<string, Float32Array>>;

/**
 * A step graph with its state.
 *
 * On the CPU the state lives in two sets of preallocated tensors that change roles after every run, so that nothing is copied or
 * allocated. On a device whose binding allows it, the state never leaves the device.
 */
export class TrainingSession {
  readonly program: StepProgram;
  readonly #session: ort.InferenceSession;
  readonly #onDevice: boolean;
  #feeds: Record<string, ort.Tensor>;
  #fetches: Record<string, ort.Tensor | null>;

  private constructor(program: StepProgram, session: ort.InferenceSession, onDevice: boolean) {
    this.program = program;
    this.#session = session;
    this.#onDevice = onDevice;
    this.#feeds = Object.fromEntries(program.state.map((spec) => [spec.name, zeroTensor(spec)]));
    this.#fetches = Object.fromEntries(program.metrics.map((name) => [name, null]));
    for (const spec of program.state) this.#fetches[spec.next] = onDevice ? null : zeroTensor(spec);
  }

  /** @throws ERR_PROVIDER_UNAVAILABLE if the provider cannot run the graph here */
  static async create(program: StepProgram, options: SessionOptions = {}): Promise<TrainingSession> {
    const keepOnDevice = program.state.map(({ next }) => next);
    const session = await createSession(program.onnx, { ...options, keepOnDevice });
    return new TrainingSession(program, session, keepsTensorsOnDevice(options.provider ?? "cpu"));
  }

  /** @throws ERR_CHECKPOINT_MISMATCH if the tensors are not exactly those of the state */
  load(tensors: ReadonlyMap<string, Tensor>, source: string): void {
    checkTensors(this.program.state, tensors, source);
    for (const spec of this.program.state) {
      const fresh = zeroTensor(spec);
      (fresh.data as Uint8Array).set(tensors.get(spec.name)!.data as Uint8Array);
      this.#feeds[spec.name]!.dispose();
      this.#feeds[spec.name] = fresh;
    }
  }

  /** A copy of the state. */
  async read(): Promise<Map<string, Tensor>> {
    const held = this.#onDevice ? await copyToHost(this.program.state, this.#feeds) : this.#feeds;
    return new Map(
      this.program.state.map(({ name, shape, dtype }) => [
        name,
        { shape, dtype, data: held[name]!.data.slice() } as Tensor,
      ]),
    );
  }

  /** One run: `stepsPerRun` optimiser steps. */
  async run(batch: BatchArrays): Promise<Metrics> {
    const { state, metrics } = this.program;
    for (const spec of this.program.batch) this.#feeds[spec.name] = this.#batchTensor(spec, batch);
    const outputs = await this.#session.run(this.#feeds, this.#fetches);
    for (const { name, next } of state) {
      const previous = this.#feeds[name]!;
      this.#feeds[name] = outputs[next]!;
      if (this.#onDevice) previous.dispose();
      else this.#fetches[next] = previous;
    }
    return Object.fromEntries(metrics.map((name) => [name, outputs[name]!.data as Float32Array]));
  }

  async close(): Promise<void> {
    for (const { name } of this.program.state) this.#feeds[name]!.dispose();
    await this.#session.release();
  }

  #batchTensor({ name, shape, dtype }: TensorSpec, batch: BatchArrays): ort.Tensor {
    const { stepsPerRun } = this.program;
    return makeOrtTensor(dtype, batch[name]!, stepsPerRun > 1 ? [stepsPerRun, ...shape] : shape);
  }
}

function zeroTensor({ shape, dtype }: TensorSpec): ort.Tensor {
  return makeOrtTensor(dtype, allocateData(dtype, elementCount(shape)), shape);
}

function makeOrtTensor(dtype: TensorSpec["dtype"], data: Tensor["data"], shape: readonly number[]): ort.Tensor {
  return new ort.Tensor(dtype as "float32", data as Float32Array, shape);
}

/**
 * Device tensors as tensors on the host, by a graph that copies them: reading a device tensor directly ends the process.
 */
async function copyToHost(
  specs: readonly TensorSpec[],
  held: Readonly<Record<string, ort.Tensor>>,
): Promise<Record<string, ort.Tensor>> {
  const graph = new Graph("copy_to_host");
  for (const { name, shape, dtype } of specs) graph.output(`${name}:host`, graph.input(name, shape, dtype));
  const session = await createSession(graph.toOnnx(), { provider: "webgpu" });
  try {
    const outputs = await session.run(Object.fromEntries(specs.map(({ name }) => [name, held[name]!])));
    return Object.fromEntries(specs.map(({ name }) => [name, outputs[`${name}:host`]!]));
  } finally {
    await session.release();
  }
}
