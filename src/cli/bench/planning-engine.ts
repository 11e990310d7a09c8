import * as ort from "onnxruntime-node";
import { ConstantParameters, Graph, Parameters } from "../../graph/index.ts";
import { readSafetensors } from "../../learning/optimization/safetensors.ts";
import { createSession } from "../../learning/optimization/session.ts";
import type { Engine, EngineFiles } from "./contest-engine.ts";
import { PLANS } from "./networks/index.ts";
import { buildPlan } from "./networks/plan.ts";

/** One workload's whole search as one graph on onnxruntime, its weights inside. */
export async function planningEngine({ workload, weights, batch, session: options }: EngineFiles): Promise<Engine> {
  const stored = await readSafetensors(weights);
  const values = new Map([...stored.tensors].map(([name, { data }]) => [name, data as Float32Array]));
  const began = performance.now();
  const graph = new Graph("plan");
  buildPlan(new Parameters(new ConstantParameters(graph, values)), PLANS[workload]!);
  const built = performance.now();
  const session = await createSession(graph.toOnnx(), options);
  const ready = performance.now();
  const { tensors } = await readSafetensors(batch);
  const feeds = Object.fromEntries(
    [...tensors].map(([name, { shape, data }]) => [name, new ort.Tensor("float32", data as Float32Array, shape)]),
  );
  return {
    greeting: {
      engine: "onnxruntime",
      buildMs: built - began,
      sessionMs: ready - built,
      nodes: graph.nodes.length,
    },
    async run(count) {
      for (let i = 0; i < count; i++) await session.run(feeds);
      return count;
    },
    async answer() {
      const { actions } = await session.run(feeds);
      return { actions: Array.from(actions!.data as Float32Array) };
    },
  };
}
