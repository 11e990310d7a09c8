import * as ort from "onnxruntime-node";
import { elementCount } from "../../src/core/tensor.ts";
import type { Graph } from "../../src/graph/index.ts";
import { createSession } from "../../src/learning/optimization/session.ts";

export type Values = Readonly<Record<string, Float32Array>>;

/** A session over the graph that takes and gives plain float32 arrays by name. */
export async function openGraph(
  graph: Graph,
): Promise<{ run(inputs: Values): Promise<Values>; close(): Promise<void> }> {
  const session = await createSession(graph.toOnnx());
  return {
    async run(inputs) {
      const feeds = graph.inputs.map(({ name, shape }) => {
        const values = inputs[name];
        if (values?.length !== elementCount(shape))
          throw new Error(`input ${name} needs ${elementCount(shape)} values`);
        return [name, new ort.Tensor("float32", values, shape)];
      });
      const outputs = await session.run(Object.fromEntries(feeds));
      return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as Float32Array]));
    },
    close: () => session.release(),
  };
}

/** One run of a graph. */
export async function runGraph(graph: Graph, inputs: Values = {}): Promise<Values> {
  const session = await openGraph(graph);
  try {
    return await session.run(inputs);
  } finally {
    await session.close();
  }
}
