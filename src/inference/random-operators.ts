import { onnxGraphs } from "./onnx-graphs.ts";

/** Operators of ONNX whose outputs differ from run to run. `Dropout` does nothing in inference. */
const RANDOM = new Set([
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
]);

/** Names of the random operators in an ONNX file, in branches and loop bodies too. */
export function randomOperators(bytes: Uint8Array): string[] {
  const operators = onnxGraphs(bytes).flatMap(({ node }) => (node ?? []).map(({ opType }) => opType ?? ""));
  return [...new Set(operators.filter((name) => RANDOM.has(name)))];
}
