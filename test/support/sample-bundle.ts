import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "../../src/config/manifest.ts";
import type { DType, TensorSpec } from "../../src/core/tensor.ts";
import { encodeModel, type ModelSource, weights } from "./onnx-model.ts";

const spec = (name: string, shape: readonly number[], dtype: DType = "float32"): TensorSpec => ({ name, shape, dtype });

/** Graphs of a tiny model with one camera: A 2, P 3, E 4, L 6, H 4. */
const GRAPHS = {
  encode: {
    inputs: [spec("image_scene", [1, 8, 8, 3], "uint8"), spec("proprioception", [1, 3])],
    outputs: [spec("embedding", [1, 4])],
    operations: [
      { type: "Cast", inputs: ["image_scene"], output: "pixels", attributes: { to: 1 } },
      { type: "ReduceMean", inputs: ["pixels"], output: "color", attributes: { axes: [1, 2], keepdims: 0 } },
      { type: "Concat", inputs: ["color", "proprioception"], output: "features", attributes: { axis: 1 } },
      { type: "MatMul", inputs: ["features", "w"], output: "mixed" },
      { type: "Tanh", inputs: ["mixed"], output: "embedding" },
    ],
    constants: { w: weights(6, 4) },
  },
  observe: {
    inputs: [spec("latent", [1, 6]), spec("action", [1, 2]), spec("embedding", [1, 4]), spec("is_first", [1, 1])],
    outputs: [spec("latent_out", [1, 6]), spec("surprise", [1])],
    operations: [
      { type: "Sub", inputs: ["one", "is_first"], output: "keep" },
      { type: "Mul", inputs: ["latent", "keep"], output: "known" },
      { type: "Concat", inputs: ["known", "action", "embedding"], output: "features", attributes: { axis: 1 } },
      { type: "MatMul", inputs: ["features", "w"], output: "mixed" },
      { type: "Tanh", inputs: ["mixed"], output: "latent_out" },
      { type: "Mul", inputs: ["embedding", "embedding"], output: "squared" },
      { type: "ReduceMean", inputs: ["squared"], output: "surprise", attributes: { axes: [1], keepdims: 0 } },
    ],
    constants: { w: weights(12, 6), one: { shape: [1], data: [1] } },
  },
  plan: {
    inputs: [
      spec("latent", [1, 6]),
      spec("in_flight_action", [1, 2]),
      spec("in_flight_fraction", [1, 1]),
      spec("previous_mean", [4, 2]),
      spec("noise", [4, 2]),
    ],
    outputs: [spec("actions", [4, 2]), spec("value", [1])],
    operations: [
      { type: "Mul", inputs: ["in_flight_action", "in_flight_fraction"], output: "rolled" },
      { type: "MatMul", inputs: ["latent", "w"], output: "drive" },
      { type: "Sum", inputs: ["previous_mean", "noise", "drive", "rolled"], output: "mean" },
      { type: "Tanh", inputs: ["mean"], output: "actions" },
      { type: "ReduceMean", inputs: ["latent"], output: "value", attributes: { axes: [1], keepdims: 0 } },
    ],
    constants: { w: weights(6, 2) },
  },
  act: {
    inputs: [spec("latent", [1, 6]), spec("noise", [1, 2])],
    outputs: [spec("action", [1, 2])],
    operations: [
      { type: "MatMul", inputs: ["latent", "w"], output: "drive" },
      { type: "Add", inputs: ["drive", "noise"], output: "sum" },
      { type: "Tanh", inputs: ["sum"], output: "action" },
    ],
    constants: { w: weights(6, 2) },
  },
  imagine: {
    inputs: [spec("latent", [1, 6]), spec("actions", [5, 3, 2])],
    outputs: [spec("latents", [5, 3, 6]), spec("rewards", [5, 3])],
    operations: [
      { type: "MatMul", inputs: ["actions", "w"], output: "step" },
      { type: "Add", inputs: ["step", "latent"], output: "latents" },
      { type: "ReduceMean", inputs: ["actions"], output: "rewards", attributes: { axes: [2], keepdims: 0 } },
    ],
    constants: { w: weights(2, 6) },
  },
  decode: {
    inputs: [spec("latent", [2, 6])],
    outputs: [spec("image_scene", [2, 8, 8, 3], "uint8")],
    operations: [
      { type: "MatMul", inputs: ["latent", "w"], output: "mixed" },
      { type: "Sigmoid", inputs: ["mixed"], output: "brightness" },
      { type: "Mul", inputs: ["brightness", "white"], output: "levels" },
      { type: "Cast", inputs: ["levels"], output: "pixels", attributes: { to: 2 } },
      { type: "Reshape", inputs: ["pixels", "shape"], output: "image_scene" },
    ],
    constants: { w: weights(6, 192), white: { shape: [1], data: [255] } },
    int64Constants: { shape: [2, 8, 8, 3] },
  },
} as const satisfies Readonly<Record<string, ModelSource>>;

export type SampleGraph = keyof typeof GRAPHS;

export const sampleModel = (graph: SampleGraph): ModelSource => GRAPHS[graph];

/** A manifest that fits the sample graphs; every call gives a fresh one, free to be spoilt. */
export function sampleManifest(): Manifest {
  const graph = (name: SampleGraph) => {
    const { inputs, outputs }: ModelSource = structuredClone(GRAPHS[name]);
    const hash = sha256(encodeModel(GRAPHS[name]));
    return { file: `${name}.onnx`, sha256: hash, inputs: [...inputs], outputs: [...outputs] };
  };
  return {
    formatVersion: 1,
    name: "sample",
    algorithm: { name: "test", hyperparameters: { width: 6, activation: "tanh" } },
    observation: {
      cameras: [{ name: "scene", width: 8, height: 8, colorOrder: "rgb", crop: null, calibrationSha256: null }],
      proprioception: ["j1.position", "j2.position", "j1.last"].map((name) => ({ name, offset: 0, scale: 1 })),
    },
    action: {
      dimensions: ["j1", "j2"].map((name) => ({ name, unit: "rad/s" as const, low: -1, high: 1 })),
    },
    policyRateHz: 10,
    latentSize: 6,
    surpriseLimit: null,
    graphs: {
      encode: graph("encode"),
      observe: graph("observe"),
      plan: graph("plan"),
      act: graph("act"),
      imagine: graph("imagine"),
      decode: graph("decode"),
    },
    training: {
      data: [{ source: "none: constant weights", sha256: null, episodes: 0, steps: 0 }],
      command: "none",
      seed: 0,
    },
    evaluation: [{ task: "reach", metric: "success_rate", value: 0, episodes: 1 }],
    licence: "Apache-2.0",
  };
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export interface SampleOptions {
  /** Other models in place of the sample's. */
  readonly models?: Readonly<Partial<Record<SampleGraph, ModelSource>>>;
  readonly change?: (manifest: Manifest) => void;
}

/** Writes the sample bundle into a fresh folder that the test removes, and returns the folder. */
export async function writeSampleBundle(
  test: { after(hook: () => Promise<void>): void },
  { models = {}, change = () => {} }: SampleOptions = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-bundle-"));
  test.after(() => rm(folder, { recursive: true }));
  const manifest = sampleManifest();
  for (const name of Object.keys(GRAPHS) as SampleGraph[]) {
    const onnx = encodeModel(models[name] ?? GRAPHS[name]);
    manifest.graphs[name]!.sha256 = sha256(onnx);
    await writeFile(join(folder, `${name}.onnx`), onnx);
  }
  change(manifest);
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest, null, 2));
  return folder;
}

/** `act` with the sample's signature that multiplies big matrices first: some tenths of a second. */
export function slowAct(): ModelSource {
  const size = 512;
  const rounds = 24;
  const { inputs, outputs } = GRAPHS.act;
  const product = (i: number) => ({ type: "MatMul", inputs: [`m${i}`, "w"], output: `m${i + 1}` });
  return {
    inputs,
    outputs,
    operations: [
      { type: "ReduceMean", inputs: ["latent"], output: "mean", attributes: { axes: [1], keepdims: 1 } },
      { type: "Mul", inputs: ["w", "mean"], output: "m0" }, // hangs on an input, or it would be folded at load time
      ...Array.from({ length: rounds }, (_, i) => product(i)),
      { type: "ReduceMean", inputs: [`m${rounds}`], output: "sum", attributes: { axes: [0], keepdims: 1 } },
      { type: "ReduceMean", inputs: ["sum"], output: "scalar", attributes: { axes: [1], keepdims: 1 } },
      { type: "Add", inputs: ["noise", "scalar"], output: "action" },
    ],
    constants: { w: { shape: [size, size], data: new Float32Array(size * size).fill(1 / size) } },
  };
}
