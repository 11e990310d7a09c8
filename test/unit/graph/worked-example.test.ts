import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as ort from "onnxruntime-node";
import type { Rng } from "../../../src/core/rng.ts";
import { buildStep, Graph, gradients, sum } from "../../../src/graph/index.ts";
import { exportBundle } from "../../../src/learning/bundle/export-bundle.ts";
import { type BatchArrays, inlineBatches } from "../../../src/learning/optimization/batches.ts";
import { parametersOf } from "../../../src/learning/optimization/checkpoint-tensors.ts";
import { train } from "../../../src/learning/optimization/train.ts";
import { freshStart, Trainer } from "../../../src/learning/optimization/trainer.ts";
import { evaluate } from "./runtime.ts";
import { logCosh, massGraphs, massModel } from "./worked-example.ts";

const SECONDS = 0.1;

/** A mass of 1 kg on a line, pushed by up to 2 N. */
function push([position, velocity]: readonly [number, number], action: number): [number, number] {
  const faster = velocity + 2 * action * SECONDS;
  return [position + faster * SECONDS, faster];
}

const randomPushes = {
  fill({ before, action, after }: BatchArrays, rng: Rng): void {
    rng.fillUniform(before as Float32Array, -1, 1);
    rng.fillUniform(action as Float32Array, -1, 1);
    for (let i = 0; i < action!.length; i++) {
      (after as Float32Array).set(
        push([Number(before![2 * i]), Number(before![2 * i + 1])], Number(action![i])),
        2 * i,
      );
    }
  },
};

const manifest = {
  name: "mass",
  algorithm: { name: "example", hyperparameters: {} },
  observation: {
    cameras: [],
    proprioception: ["position", "velocity"].map((name) => ({ name: `mass.${name}`, offset: 0, scale: 1 })),
  },
  action: { dimensions: [{ name: "force", unit: "N", low: -2, high: 2 }] },
  policyRateHz: 1 / SECONDS,
  latentSize: 8,
  surpriseLimit: null,
  training: { data: [{ source: "random pushes", sha256: null, episodes: 0, steps: 0 }], command: "example", seed: 1 },
  evaluation: [],
  licence: "Apache-2.0",
} satisfies Parameters<typeof exportBundle>[1]["manifest"];

test("the worked example learns a model and a policy, and its bundle brings the mass to rest", async () => {
  const step = buildStep(massModel, 8);
  const trainer = await Trainer.create({
    step,
    from: freshStart(step, 1),
    batches: (plan) => inlineBatches(randomPushes, plan),
  });
  const losses: number[] = [];
  await train(trainer, { untilStep: 800, onStep: ({ loss }) => losses.push(loss) });
  const { tensors } = await trainer.snapshot();
  await trainer.close();
  assert.ok(losses.at(-1)! < 0.01 * losses[0]!, `${losses[0]} → ${losses.at(-1)}`);

  const folder = await mkdtemp(join(tmpdir(), "latentloop-example-"));
  try {
    const bundle = join(folder, "mass");
    await exportBundle(bundle, { graphs: massGraphs, parameters: parametersOf(step, tensors), manifest });
    const open = async (name: string) => ort.InferenceSession.create(await readFile(join(bundle, `${name}.onnx`)));
    const [encode, act] = [await open("encode"), await open("act")];
    let state: [number, number] = [0.8, -0.5];
    for (let t = 0; t < 60; t++) {
      const proprioception = new ort.Tensor("float32", state, [1, 2]);
      const { embedding } = await encode.run({ proprioception });
      const { action } = await act.run({ latent: embedding!, noise: new ort.Tensor("float32", [0], [1, 1]) });
      state = push(state, Number(action!.data[0]));
    }
    assert.ok(Math.hypot(...state) < 0.1, `ends at ${state}`);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the worked example's operator has the gradient that its rule states", async () => {
  const graph = new Graph();
  const x = graph.input("x", [3]);
  graph.output("slope", gradients(sum(logCosh(x)), [x])[0]!);
  const { slope } = await evaluate(graph, { x: [-1, 0, 2] });
  for (const [i, at] of [-1, 0, 2].entries()) assert.ok(Math.abs(slope![i]! - Math.tanh(at)) < 1e-6);
});

test("the document shows the worked example as it is", async () => {
  const root = new URL("../../../../", import.meta.url);
  const page = await readFile(new URL("docs/graph.md", root), "utf8");
  const source = await readFile(new URL("test/unit/graph/worked-example.ts", root), "utf8");
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code.trim());
  assert.ok(blocks.length >= 3);
  for (const block of blocks) assert.ok(source.includes(block), block);
});
