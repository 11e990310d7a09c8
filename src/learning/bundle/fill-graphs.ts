import { ConstantParameters, Graph, Parameters } from "../../graph/index.ts";
import type { BundleGraphDefinition, BundleGraphDefinitions } from "../../world-models/bundle-graphs.ts";
import type { Weights } from "../optimization/step-runner.ts";

/** Bundle graphs as ONNX models with the weights inside, by name. */
export function fillGraphs(
  graphs: Partial<BundleGraphDefinitions>,
  weights: Weights,
  names: readonly (keyof BundleGraphDefinitions)[],
): Map<string, Uint8Array> {
  const filled = new Map<string, Uint8Array>();
  for (const name of names) {
    const define: BundleGraphDefinition | undefined = graphs[name];
    if (define === undefined) continue;
    const graph = new Graph(name);
    define(new Parameters(new ConstantParameters(graph, weights)));
    filled.set(name, graph.toOnnx());
  }
  return filled;
}
