import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { buildStep, initialState } from "../../../src/graph/index.ts";
import { TrainingSession } from "../../../src/learning/optimization/training-session.ts";
import type { VaeAgentLearning } from "../../../src/learning/vae-agent/recipe.ts";
import { vaeAgentUpdate } from "../../../src/learning/vae-agent/update.ts";
import type { VaeAgentConfig } from "../../../src/world-models/vae-agent.ts";
import type { ModelSpaces } from "../../../src/world-models/world-model.ts";
import { data, weights } from "../graph/fill.ts";

// The compiled test lies in dist/test/golden/learning; the golden file beside its script and source.
const file = new URL("../../../../test/golden/learning/vae-agent.json", import.meta.url);
type Updates = readonly Readonly<Record<string, number>>[];
const golden = JSON.parse(await readFile(file, "utf8")) as Readonly<Record<string, Updates>> & { tolerance: number };

const spaces: ModelSpaces = {
  cameras: [{ name: "scene", width: 64, height: 64 }],
  proprioceptionSize: 4,
  actionSize: 2,
};
const learning: VaeAgentLearning = {
  batch: 3,
  painted: 2,
  horizon: 3,
  learningRate: 1e-3,
  gradientNorm: 0.5,
  beta: 2,
  boundWeight: 0.01,
  rewardWeight: 1,
  rewardGradient: false,
  consistencyWeight: 20,
  salience: 20,
};
const network: VaeAgentConfig = {
  observation: {
    images: "convolutions",
    channels: 4,
    keypoints: 6,
    embedding: 8,
    layers: 0,
    units: 7,
    squash: false,
  },
  code: 6,
  dynamics: "mlp",
  memory: 5,
  units: 12,
};
const cases = {
  mlp: { network, learning },
  gru: {
    network: { ...network, dynamics: "gru", observation: { ...network.observation, images: "keypoints" } },
    learning: { ...learning, rewardGradient: true },
  },
} as const satisfies Record<string, { network: VaeAgentConfig; learning: VaeAgentLearning }>;

for (const [name, options] of Object.entries(cases)) {
  test(`${name}: two updates in a row have the losses and gradient norms of the equations`, async () => {
    const step = buildStep(vaeAgentUpdate({ spaces, ...options, learningRate: () => learning.learningRate }));
    const batch = Object.fromEntries(
      [...step.fields, ...step.noise].map(({ name: field, shape, dtype }) => {
        const values = data(field, shape, dtype);
        return [field, dtype === "uint8" ? Uint8Array.from(values) : values];
      }),
    );
    const session = await TrainingSession.create(step);
    try {
      const parameters = step.parameters.map((spec) => [spec.name, weights(spec.name, spec.shape)] as const);
      session.load(initialState(step.state, new Map(parameters)));
      for (const [update, expected] of golden[name]!.entries()) {
        const metrics = await session.run(batch, update);
        for (const [metric, value] of Object.entries(expected)) {
          const found = metrics[step.metrics.indexOf(metric)]!;
          const error = Math.abs(found - value) / Math.abs(value);
          assert.ok(error < golden.tolerance, `update ${update}, ${metric}: ${found}, expected ${value}`);
        }
      }
    } finally {
      await session.close();
    }
  });
}
