import { InferenceSession, Tensor } from "onnxruntime-node";
import { elementCount } from "../../../src/core/tensor.ts";
import type { Graph } from "../../../src/graph/graph.ts";

export type Feeds = Readonly<Record<string, ArrayLike<number>>>;
export type Results = Readonly<Record<string, Float32Array>>;

/** Runs a graph on onnxruntime's CPU provider; inputs and results by name, as plain numbers. */
export async function compile(graph: Graph): Promise<(feeds: Feeds) => Promise<Results>> {
  const session = await InferenceSession.create(graph.toOnnx(), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  return async (feeds) => {
    const tensors = Object.fromEntries(
      graph.inputs.map(({ name, shape, dtype }) => {
        const values = feeds[name];
        if (!values || values.length !== elementCount(shape))
          throw new Error(`feed ${name} with ${elementCount(shape)} values`);
        return [name, new Tensor(dtype, toArray(dtype, values), shape)];
      }),
    );
    const results = await session.run(tensors);
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [
        name,
        Float32Array.from(tensor.data as Iterable<number>, Number),
      ]),
    );
  };
}

function toArray(dtype: string, values: ArrayLike<number>) {
  switch (dtype) {
    case "int64":
      return BigInt64Array.from(Array.from(values), BigInt);
    case "int32":
      return Int32Array.from(values);
    case "float32":
      return Float32Array.from(values);
    default:
      return Uint8Array.from(values);
  }
}

/** Builds, runs once, and returns the results. */
export async function evaluate(graph: Graph, feeds: Feeds = {}): Promise<Results> {
  return (await compile(graph))(feeds);
}
