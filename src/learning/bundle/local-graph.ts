import * as ort from "onnxruntime-node";
import { allocateData, type DType, elementCount, type TensorData } from "../../core/tensor.ts";
import { createSession, type SessionOptions } from "../optimization/session.ts";

/** A graph computed on the calling thread: write `inputs`, `run`, read the outputs. For training and evaluation, not for control. */
export class LocalGraph {
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly #session: ort.InferenceSession;
  readonly #feeds: Readonly<Record<string, ort.Tensor>>;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
    this.#feeds = Object.fromEntries(session.inputMetadata.map((input) => [input.name, zeros(input)]));
    this.inputs = Object.fromEntries(
      Object.entries(this.#feeds).map(([name, tensor]) => [name, tensor.data as TensorData]),
    );
  }

  /** @throws ERR_PROVIDER_UNAVAILABLE if the graph cannot run here */
  static async open(onnx: Uint8Array, options: SessionOptions = {}): Promise<LocalGraph> {
    return new LocalGraph(await createSession(onnx, options));
  }

  async run(): Promise<Readonly<Record<string, TensorData>>> {
    const outputs = await this.#session.run(this.#feeds);
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as TensorData]));
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}

function zeros(input: ort.InferenceSession.ValueMetadata): ort.Tensor {
  if (!input.isTensor) throw new TypeError(`the input ${input.name} is no tensor`);
  const dtype = input.type as DType;
  const shape = input.shape as number[];
  return new ort.Tensor(dtype as "float32", allocateData(dtype, elementCount(shape)) as Float32Array, shape);
}
