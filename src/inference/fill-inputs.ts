import type { Rng } from "../core/rng.ts";
import type { TensorData, TensorSpec } from "../core/tensor.ts";

type Tensors = Readonly<Record<string, TensorData>>;

export function fillZeros(inputs: Tensors): void {
  for (const data of Object.values(inputs)) {
    if (data instanceof BigInt64Array) data.fill(0n);
    else data.fill(0);
  }
}

/** Normals, random bytes, and zeros for indices: repeatable, and busy enough to show a wrong kernel. */
export function fillRandom(specs: readonly TensorSpec[], inputs: Tensors, rng: Rng): void {
  fillZeros(inputs);
  for (const { name, dtype } of specs) {
    const data = inputs[name]!;
    if (data instanceof Float32Array) rng.fillNormal(data);
    else if (dtype === "uint8") for (let i = 0; i < data.length; i++) data[i] = rng.integer(256);
  }
}
