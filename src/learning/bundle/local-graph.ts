import * as ort from "onnxruntime-node";
import { LatentloopError, messageOf } from "../../core/errors.ts";
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

  /** @throws ERR_PROVIDER_UNAVAILABLE if the graph cannot run here; ERR_GRAPH_MISMATCH if an input has no size */
  static async open(onnx: Uint8Array, options: SessionOptions = {}): Promise<LocalGraph> {
    const session = await createSession(onnx, options);
    try {
      return new LocalGraph(session);
    } catch (thrown) {
      await session.release();
      throw thrown;
    }
  }

  /** @throws ERR_INFERENCE_FAILED if the graph fails on these inputs */
  async run(): Promise<Readonly<Record<string, TensorData>>> {
    const outputs = await this.#session.run(this.#feeds).catch((cause) => {
      throw new LatentloopError("ERR_INFERENCE_FAILED", `A graph failed while it ran: ${messageOf(cause).trim()}`, {
        remedy: "Export the model again.",
        cause,
      });
    });
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as TensorData]));
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}

function zeros(input: ort.InferenceSession.ValueMetadata): ort.Tensor {
  if (!input.isTensor || input.shape.some((extent) => typeof extent !== "number")) {
    const found = input.isTensor ? `shape [${input.shape.join(", ")}]` : "no tensor";
    throw new LatentloopError(
      "ERR_GRAPH_MISMATCH",
      `Expected input '${input.name}' of a fixed size but it has ${found}.`,
      {
        remedy: "Export the graph without dynamic axes.",
      },
    );
  }
  const dtype = input.type as DType;
  const shape = input.shape as number[];
  return new ort.Tensor(dtype as "float32", allocateData(dtype, elementCount(shape)) as Float32Array, shape);
}
