import { env, InferenceSession, Tensor } from "onnxruntime-node";
import type { GraphSignature } from "../config/graph-contract.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { allocateData, elementCount, formatShape, type TensorData, type TensorSpec } from "../core/tensor.ts";
import type { Placement } from "./placement.ts";

env.logLevel = "fatal"; // whatever goes wrong reaches us as an exception
/** The same for one session. */
const LOG_FATAL = 4;

/**
 * One graph ready to run in this thread: write `inputs`, `run`, read `outputs`. The arrays stay the same for its lifetime.
 *
 * Timing: `run` blocks the thread for the whole inference (onnxruntime-node's call is synchronous).
 */
export class OnnxSession {
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly outputs: Readonly<Record<string, TensorData>>;
  readonly #session: InferenceSession;
  readonly #feeds: Record<string, Tensor>;
  readonly #fetches: Record<string, Tensor>;

  private constructor(session: InferenceSession, signature: GraphSignature) {
    this.#session = session;
    this.#feeds = allocateTensors(signature.inputs);
    this.#fetches = allocateTensors(signature.outputs);
    this.inputs = dataOf(this.#feeds);
    this.outputs = dataOf(this.#fetches);
  }

  /**
   * @param name the graph's name in error sentences
   * @throws ERR_GRAPH_UNREADABLE if onnxruntime refuses the bytes
   * @throws ERR_GRAPH_MISMATCH if the file's inputs or outputs are not those of the signature
   */
  static async open(
    name: string,
    bytes: Uint8Array,
    signature: GraphSignature,
    placement: Placement,
  ): Promise<OnnxSession> {
    const session = await createSession(name, bytes, placement);
    checkTensors(name, "input", signature.inputs, session.inputMetadata);
    checkTensors(name, "output", signature.outputs, session.outputMetadata);
    return new OnnxSession(session, signature);
  }

  /** @throws what onnxruntime throws */
  async run(): Promise<void> {
    await this.#session.run(this.#feeds, this.#fetches);
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

async function createSession(name: string, bytes: Uint8Array, placement: Placement): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, {
      executionProviders: placement.provider === "cpu" ? ["cpu"] : [placement.provider, "cpu"],
      intraOpNumThreads: placement.threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      logSeverityLevel: LOG_FATAL,
      // Threads that spin between operators and calls take whole cores from the control thread: two of them, called every
      // 4 ms, used 95 % of a core and without spinning 30 %, for 0.2 ms more a call.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
    });
  } catch (cause) {
    throw new LatentloopError(
      "ERR_GRAPH_UNREADABLE",
      `Expected an ONNX graph '${name}' that ${placement.provider} can run but onnxruntime refuses its ${bytes.length} bytes: ${messageOf(cause)}.`,
      { remedy: "Export the graph again; a truncated copy is the usual cause.", cause },
    );
  }
}

function checkTensors(
  graph: string,
  kind: "input" | "output",
  expected: readonly TensorSpec[],
  actual: readonly InferenceSession.ValueMetadata[],
): void {
  for (const { name } of actual) {
    if (kind === "input" && !expected.some((spec) => spec.name === name)) {
      throw mismatch(graph, `${kind} '${name}' of the file to be in the manifest but it lists ${namesOf(expected)}`);
    }
  }
  for (const spec of expected) {
    const found = actual.find(({ name }) => name === spec.name);
    if (!found) throw mismatch(graph, `${kind} '${spec.name}' in the file but it has ${namesOf(actual)}`);
    if (!found.isTensor)
      throw mismatch(graph, `${kind} '${spec.name}' to be a tensor but the file holds a sequence or map`);
    if (found.type !== spec.dtype) {
      throw mismatch(graph, `${kind} '${spec.name}' to be ${spec.dtype} but the file says ${found.type}`);
    }
    const open = found.shape.map((extent, axis) =>
      typeof extent === "number" ? extent : (spec.shape[axis] ?? Number.NaN),
    );
    if (formatShape(open) !== formatShape(spec.shape)) {
      const shape = `[${found.shape.join(", ")}]`;
      throw mismatch(graph, `${kind} '${spec.name}' of shape ${formatShape(spec.shape)} but the file says ${shape}`);
    }
  }
}

const namesOf = (named: readonly { readonly name: string }[]): string =>
  named.map(({ name }) => `'${name}'`).join(", ");

function mismatch(graph: string, sentence: string): LatentloopError {
  return new LatentloopError("ERR_GRAPH_MISMATCH", `Expected, in graph '${graph}', ${sentence}.`, {
    remedy: "The manifest and the ONNX file must come from the same export.",
  });
}

function allocateTensors(specs: readonly TensorSpec[]): Record<string, Tensor> {
  const tensors = specs.map(({ name, dtype, shape }): [string, Tensor] => {
    const data = allocateData(dtype, elementCount(shape));
    return [name, new Tensor(dtype, data as Uint8Array, [...shape])];
  });
  return Object.fromEntries(tensors);
}

function dataOf(tensors: Readonly<Record<string, Tensor>>): Record<string, TensorData> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.data as TensorData]));
}
