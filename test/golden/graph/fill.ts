import { type DType, elementCount, type Shape } from "../../../src/core/tensor.ts";

/** Uniform in [0, 1), a function of the name and the element's index alone: what fill.py makes. */
export function unit(name: string, shape: Shape): Float64Array {
  let seed = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) seed = Math.imul(seed ^ name.charCodeAt(i), 0x01000193);
  return Float64Array.from({ length: elementCount(shape) }, (_, i) => {
    let h = (Math.imul(i, 0x9e3779b9) + seed) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
  });
}

export function data(name: string, shape: Shape, dtype: DType = "float32"): Float32Array {
  const u = unit(name, shape);
  return Float32Array.from(u, dtype === "uint8" ? (x) => Math.floor(x * 256) : (x) => 3 * x - 1.5);
}

/** Around the usual scale, and never at the zeros and ones that layers start from. */
export function weights(name: string, shape: Shape): Float32Array {
  const u = unit(name, shape).map((x) => 2 * x - 1);
  if (name.endsWith("gain")) return Float32Array.from(u, (x) => 1 + 0.3 * x);
  if (shape.length === 1 || name.toLowerCase().endsWith("bias")) return Float32Array.from(u, (x) => 0.3 * x);
  const scale = Math.sqrt(3 / elementCount(shape.slice(0, -1)));
  return Float32Array.from(u, (x) => x * scale);
}
