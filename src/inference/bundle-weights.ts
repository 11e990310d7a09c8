import { LatentloopError } from "../core/errors.ts";
import { onnxGraphs } from "./onnx-graphs.ts";
import type { Bundle } from "./read-bundle.ts";
import { floatsOf } from "./weight-census.ts";

/** Names of constants that were not trained. */
const CONSTANT = "constant/";

/**
 * The trained values in a bundle's graphs, by parameter name: our exports write every parameter as an initializer of its own
 * name, so that a bundle can be trained further without a second file.
 *
 * @throws ERR_NOT_TRAINABLE if two graphs hold different values under one name
 */
export function readWeights({ manifest, onnx }: Pick<Bundle, "manifest" | "onnx">): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  for (const [graph, bytes] of Object.entries(onnx)) {
    for (const { name, values } of namedFloats(bytes)) {
      const known = weights.get(name);
      if (known && !sameValues(known, values)) {
        throw new LatentloopError(
          "ERR_NOT_TRAINABLE",
          `Expected one value of "${name}" in all graphs of ${manifest.name} but ${graph} holds another.`,
        );
      }
      weights.set(name, values);
    }
  }
  return weights;
}

function namedFloats(onnx: Uint8Array): { name: string; values: Float32Array }[] {
  return onnxGraphs(onnx).flatMap(({ initializer }) =>
    (initializer ?? []).flatMap((tensor) => {
      const values = Float32Array.from(floatsOf(tensor));
      return tensor.name && !tensor.name.startsWith(CONSTANT) && values.length > 0
        ? [{ name: tensor.name, values }]
        : [];
    }),
  );
}

function sameValues(a: Float32Array, b: Float32Array): boolean {
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
