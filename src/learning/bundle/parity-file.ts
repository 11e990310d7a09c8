import type { Tensor } from "../../core/tensor.ts";
import { encodeSafetensors, readSafetensors } from "../optimization/safetensors.ts";

/** Beside a bundle's manifest: what the trainer's own framework computed, for whoever wants to check the export. */
export const PARITY_FILE = "parity.safetensors";

type Tensors = ReadonlyMap<string, Tensor>;

/** What a graph was fed with and what it gave, where it was trained. */
export interface ParitySample {
  readonly inputs: Tensors;
  readonly outputs: Tensors;
}

/** Samples by graph as one file: tensors `<graph>.input.<name>` and `<graph>.output.<name>`. */
export function encodeParity(samples: ReadonlyMap<string, ParitySample>): Uint8Array[] {
  const named = [...samples].flatMap(([graph, { inputs, outputs }]) => [
    ...[...inputs].map(([name, tensor]) => [`${graph}.input.${name}`, tensor] as const),
    ...[...outputs].map(([name, tensor]) => [`${graph}.output.${name}`, tensor] as const),
  ]);
  return encodeSafetensors({ tensors: new Map(named), metadata: {} });
}

/** @throws ERR_CHECKPOINT_UNREADABLE if the file is missing, cut off or damaged */
export async function readParity(path: string): Promise<Map<string, ParitySample>> {
  const { tensors } = await readSafetensors(path);
  const samples = new Map<string, { inputs: Map<string, Tensor>; outputs: Map<string, Tensor> }>();
  for (const [key, tensor] of tensors) {
    const [graph = "", side, ...name] = key.split(".");
    const sample = samples.get(graph) ?? { inputs: new Map(), outputs: new Map() };
    samples.set(graph, sample);
    (side === "input" ? sample.inputs : sample.outputs).set(name.join("."), tensor);
  }
  return samples;
}
