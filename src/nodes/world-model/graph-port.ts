import { LatentloopError } from "../../core/errors.ts";
import type { TensorData } from "../../core/tensor.ts";

/** One loaded graph as the policy step uses it: write the inputs, run, read the outputs. */
export interface GraphPort {
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly outputs: Readonly<Record<string, TensorData>>;
  /** `late`: the deadline (monotonic clock) passed first and the outputs are not those of this call. */
  run(deadlineNs?: number): Promise<{ readonly status: "done" | "late" }>;
}

/** Graphs of a bundle by their names in docs/models.md. */
export interface ModelGraphs {
  readonly encode: GraphPort;
  readonly observe: GraphPort;
  readonly plan?: GraphPort;
  readonly plan_short?: GraphPort;
  readonly act?: GraphPort;
  readonly decode?: GraphPort;
}

/** The float32 tensor of that name; the manifest check at load time guarantees that it is there. */
export function floats(tensors: Readonly<Record<string, TensorData>>, name: string): Float32Array {
  const data = tensors[name];
  if (data instanceof Float32Array) return data;
  throw new LatentloopError(
    "ERR_INTERNAL",
    `Expected a float32 tensor "${name}" but the graph offers ${Object.keys(tensors)}.`,
  );
}
