import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { elementCount, type Shape } from "../../../src/core/tensor.ts";
import { buildStep, Graph, InputParameters, type ParameterSpec, Parameters } from "../../../src/graph/index.ts";
import { LocalGraph } from "../../../src/learning/bundle/local-graph.ts";
import { type KeypointPhase, keypointSteps } from "../../../src/learning/keypoint/steps.ts";
import { StepRunner } from "../../../src/learning/optimization/step-runner.ts";
import { buildKeypointModel } from "../../../src/world-models/keypoint.ts";

interface Golden {
  readonly tolerance: number;
  readonly latent: readonly number[];
  readonly representation: Readonly<Record<string, number>>;
  readonly dynamics: Readonly<Record<string, number>>;
  readonly decoder: Readonly<Record<string, number>>;
}

// The compiled test lies in dist/test/golden/learning; the golden file beside its script and source.
const file = new URL("../../../../test/golden/learning/keypoint-losses.json", import.meta.url);
const golden = JSON.parse(await readFile(file, "utf8")) as Golden;

const config = { channels: 3, keypoints: 4, embedding: 5, units: 6, decoderUnits: 4, decoderChannels: 3 };
const [proprioceptionSize, actionSize, batch, horizon] = [2, 2, 2, 3];
const latentSize = config.embedding + proprioceptionSize;
const spaces = { cameras: [{ name: "scene", width: 64, height: 64 }], proprioceptionSize, actionSize };
const steps = keypointSteps({
  spaces,
  config,
  batch: { representation: batch, dynamics: batch, decoder: batch },
  horizon,
  learningRate: () => 0,
});

/** As in the script. */
function wave(seed: number, shape: Shape, scale: number): Float32Array {
  return Float32Array.from({ length: elementCount(shape) }, (_, i) => scale * Math.sin(seed + 0.7 * i + 0.001 * i * i));
}

function weightOf({ name, shape }: ParameterSpec): Float32Array {
  const fanIn = shape.length > 1 ? elementCount(shape.slice(0, -1)) : 100;
  const seed = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 100;
  const center = name.endsWith("gain") ? 1 : 0;
  const scale = name.startsWith("encoder/scene") ? 6 : 1;
  return wave(seed, shape, scale / Math.sqrt(fanIn)).map((value) => center + value);
}

function makeImages(): Uint8Array {
  const images = Uint8Array.from({ length: batch * 64 * 64 * 3 }, (_, i) => (i * 37) % 97);
  const brighten = (image: number, [top, bottom]: number[], [left, right]: number[]) => {
    for (let y = top!; y < bottom!; y++) {
      for (let i = left! * 3; i < right! * 3; i++) images[(image * 64 + y) * 192 + i]! += 150;
    }
  };
  brighten(0, [10, 22], [40, 52]);
  brighten(1, [36, 50], [8, 20]);
  return images;
}

const fields: Readonly<Record<KeypointPhase, Readonly<Record<string, Float32Array | Uint8Array>>>> = {
  representation: {
    image_scene: makeImages(),
    proprioception: wave(1, [batch, proprioceptionSize], 0.8),
    rewards: wave(2, [batch], 1.5),
  },
  dynamics: {
    latents: wave(3, [horizon + 1, batch, latentSize], 0.7),
    actions: wave(4, [horizon, batch, actionSize], 0.9),
    rewards: wave(5, [horizon, batch], 1.2),
  },
  decoder: { latents: wave(3, [batch, latentSize], 0.7), image_scene: makeImages() },
};

for (const phase of ["representation", "dynamics", "decoder"] as const) {
  test(`${phase}: losses and the norm of their gradients equal PyTorch's`, async () => {
    const { parameters } = buildStep(steps[phase]);
    const weights = new Map(parameters.map((spec) => [spec.name, weightOf(spec)]));
    const runner = await StepRunner.open(steps[phase], weights);
    try {
      for (const [name, values] of Object.entries(fields[phase])) (runner.arrays[name] as Float32Array).set(values);
      const { "model/gradientNorm": gradientNorm, ...metrics } = await runner.update(0);
      for (const [name, expected] of Object.entries(golden[phase])) {
        closeTo(name, name === "gradientNorm" ? gradientNorm! : metrics[name]!, expected);
      }
    } finally {
      await runner.close();
    }
  });
}

test("the encoder's latent equals PyTorch's", async () => {
  const graph = new Graph("encode");
  const source = new InputParameters(graph);
  const model = buildKeypointModel(new Parameters(source), spaces, config);
  const image = graph.input("image_scene", [batch, 64, 64, 3], "uint8");
  graph.output("latent", model.encode({ scene: image }, graph.input("proprioception", [batch, proprioceptionSize])));
  const session = await LocalGraph.open(graph.toOnnx());
  try {
    const weights = [...source.specs.values()].map((spec): [string, Float32Array] => [spec.name, weightOf(spec)]);
    const { rewards: _, ...data } = fields.representation;
    for (const [name, values] of [...weights, ...Object.entries(data)])
      (session.inputs[name] as Float32Array).set(values);
    const latent = (await session.run()).latent as Float32Array;
    for (const [i, expected] of golden.latent.entries()) closeTo(`latent ${i}`, latent[i]!, expected);
  } finally {
    await session.close();
  }
});

test("the comparison notices a loss that is off by a thousandth", () => {
  assert.throws(() => closeTo("loss", 1.001 * golden.dynamics.loss!, golden.dynamics.loss!));
});

function closeTo(name: string, actual: number, expected: number): void {
  const error = Math.abs(actual - expected) / Math.max(1e-2, Math.abs(expected));
  assert.ok(error <= golden.tolerance, `${name}: ${actual} where PyTorch has ${expected}`);
}
