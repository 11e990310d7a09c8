import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-node";
import { Rng } from "../../core/rng.ts";
import {
  allocateData,
  type DType,
  elementCount,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from "../../core/tensor.ts";
import { Graph, InputParameters, Parameters } from "../../graph/index.ts";
import { createSession } from "../optimization/session.ts";
import type { ParitySample } from "./parity-file.ts";

/** Declares a graph's inputs, builds it from the parameters and names its outputs, as docs/models.md asks. */
export type GraphDefinition = (parameters: Parameters) => void;

/** How close two builds of one definition came on the same inputs. */
export interface GraphAgreement {
  readonly graph: string;
  /** Largest difference of any output, relative to that output's largest value. */
  readonly maxRelativeError: number;
  readonly worstOutput: string;
  /** What both were fed with, and what the build over the training state gave. */
  readonly sample: ParitySample;
}

/**
 * Sets of random inputs. The best one counts: a search or an arg-max may decide a near tie differently after rounding,
 * on one set of inputs in many, while a wrong weight shows on every set.
 */
const TRIALS = 3;
const SEED = 17;

/** Compares an exported file, its parameters inside, with the same definition fed with the parameters as inputs. */
export async function measureAgreement(
  name: string,
  file: string,
  define: GraphDefinition,
  parameters: ReadonlyMap<string, Float32Array>,
): Promise<GraphAgreement> {
  const graph = new Graph(name);
  const source = new InputParameters(graph);
  define(new Parameters(source));
  const weights = [...source.specs.values()].map(({ name: weight, shape }): [string, ort.Tensor] => [
    weight,
    new ort.Tensor("float32", parameters.get(weight)!, shape),
  ]);
  const data = graph.inputs.filter((input) => !source.specs.has(input.name));
  const reference = await createSession(graph.toOnnx());
  const exported = await createSession(await readFile(file));
  try {
    let best: GraphAgreement | undefined;
    for (let trial = 0; trial < TRIALS; trial++) {
      const feeds = randomInputs(data, new Rng(SEED + trial));
      const expected = await reference.run({ ...feeds, ...Object.fromEntries(weights) });
      const sample = { inputs: toTensors(feeds), outputs: toTensors(expected) };
      const agreement = { graph: name, ...compare(expected, await exported.run(feeds)), sample };
      if (!best || agreement.maxRelativeError < best.maxRelativeError) best = agreement;
    }
    return best!;
  } finally {
    await reference.release();
    await exported.release();
  }
}

/** Normals, grey levels, zeros and ones: whatever fits the element type. */
function randomInputs(specs: readonly TensorSpec[], rng: Rng): Record<string, ort.Tensor> {
  const tensors = specs.map(({ name, shape, dtype }): [string, ort.Tensor] => {
    const values = allocateData(dtype, elementCount(shape));
    if (values instanceof Float32Array) rng.fillNormal(values);
    else if (dtype === "uint8") for (let i = 0; i < values.length; i++) values[i] = rng.integer(256);
    return [name, new ort.Tensor(dtype as "float32", values as Float32Array, shape)];
  });
  return Object.fromEntries(tensors);
}

type Outputs = ort.InferenceSession.OnnxValueMapType;

function toTensors(values: Outputs): Map<string, Tensor> {
  return new Map(
    Object.entries(values).map(([name, { type, dims, data }]) => [
      name,
      { dtype: type as DType, shape: dims, data: data as TensorData },
    ]),
  );
}

function compare(expected: Outputs, found: Outputs): Pick<GraphAgreement, "maxRelativeError" | "worstOutput"> {
  let worst = { maxRelativeError: 0, worstOutput: "" };
  for (const [name, tensor] of Object.entries(expected)) {
    const error = relativeError(tensor.data as TensorData, found[name]!.data as TensorData);
    if (isWorse(error, worst.maxRelativeError)) worst = { maxRelativeError: error, worstOutput: name };
  }
  return worst;
}

/** Whether an error takes the worst one's place: NaN does, and nothing takes its. */
export function isWorse(error: number, worst: number): boolean {
  return !Number.isNaN(worst) && !(error <= worst);
}

/** Largest difference, relative to the largest expected value; NaN when either holds one. */
export function relativeError(expected: TensorData, found: TensorData): number {
  const whole = !(expected instanceof Float32Array);
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    const gap = Math.abs(Number(expected[i]) - Number(found[i]));
    if (Number.isNaN(gap)) return Number.NaN;
    largest = Math.max(largest, Math.abs(Number(expected[i])));
    difference = Math.max(difference, whole && gap <= 1 ? 0 : gap); // rounding may move a whole number by one
  }
  return difference === 0 ? 0 : difference / Math.max(largest, Number.MIN_VALUE);
}
