import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { Shape } from "../../../src/core/tensor.ts";
import { buildStep, initialState, type StepGraph } from "../../../src/graph/index.ts";
import { fillGraphs } from "../../../src/learning/bundle/fill-graphs.ts";
import { LocalGraph } from "../../../src/learning/bundle/local-graph.ts";
import { TrainingSession } from "../../../src/learning/optimization/training-session.ts";
import type { TdMpc2Learning } from "../../../src/learning/td-mpc2/recipe.ts";
import { tdMpc2Update } from "../../../src/learning/td-mpc2/update.ts";
import type { PlannerConfig } from "../../../src/planners/index.ts";
import { mppi } from "../../../src/planners/mppi.ts";
import { bundleGraphs } from "../../../src/world-models/bundle-graphs.ts";
import { tdMpc2 } from "../../../src/world-models/td-mpc2.ts";
import type { TdMpc2Config } from "../../../src/world-models/td-mpc2-config.ts";
import type { ModelSpaces } from "../../../src/world-models/world-model.ts";
import { data, weights } from "../graph/fill.ts";

interface Golden {
  readonly updates: readonly Readonly<Record<string, number>>[];
  readonly plan: Readonly<Record<"actions" | "std" | "value", readonly number[]>>;
}

// The compiled test lies in dist/test/golden/learning; the golden file beside its script and source.
const file = new URL("../../../../test/golden/learning/td-mpc2.json", import.meta.url);
const golden = JSON.parse(await readFile(file, "utf8")) as Readonly<Record<string, Golden>> & { tolerance: number };

const BATCH = 4;
const HORIZON = 3;
const DISCOUNTS = [0.97, 0.9];
const VALUE_SCALE = 8;

const network: TdMpc2Config = {
  encoderUnits: 12,
  encoderLayers: 2,
  units: 16,
  latent: 8,
  simplex: 4,
  heads: 5,
  dropout: 0,
  bins: 21,
  binLimit: 10,
  imageEncoder: "convolution",
  channels: 4,
  keypoints: 1,
  frames: 1,
};
const learning: TdMpc2Learning = {
  batch: BATCH,
  horizon: HORIZON,
  learningRate: 3e-3,
  anneal: false,
  encoderRateShare: 0.3,
  gradientNorm: 0.5,
  stepWeight: 0.5,
  consistencyWeight: 20,
  rewardWeight: 0.1,
  valueWeight: 0.1,
  entropyWeight: 0.01,
  tau: 0.01,
};
const planner: PlannerConfig = {
  ...mppi.defaults,
  candidates: 16,
  policyCandidates: 4,
  elites: 5,
  iterations: 3,
  discount: DISCOUNTS[0]!,
};

const state: ModelSpaces = { cameras: [], proprioceptionSize: 6, actionSize: 2 };
const cases: Readonly<Record<string, { spaces: ModelSpaces; network: TdMpc2Config }>> = {
  state: { spaces: state, network },
  pixels: {
    spaces: { cameras: [{ name: "scene", width: 64, height: 64 }], proprioceptionSize: 0, actionSize: 2 },
    network,
  },
  frames: { spaces: state, network: { ...network, frames: 3 } },
  dropout: { spaces: state, network: { ...network, dropout: 0.2 } },
  tasks: { spaces: state, network: { ...network, tasks: { actionSizes: [2, 1], embedding: 3 } } },
};

function start(name: string, shape: Shape): Float32Array {
  return weights(name, shape).map((weight) => weight * (name.endsWith("value/out/weight") ? VALUE_SCALE : 1));
}

/** Parameters by formula; the slow heads have values of their own. */
function startState(step: StepGraph): Map<string, Float32Array> {
  const values = initialState(
    step.state,
    new Map(step.parameters.map(({ name, shape }) => [name, start(name, shape)])),
  );
  for (const { name, role, parts } of step.state) {
    if (role !== "target") continue;
    for (const part of parts) values.get(name)!.set(start(`target/${part.name}`, part.shape), part.offset);
  }
  return values;
}

function batchOf(step: StepGraph, update: number) {
  const field = (name: string, shape: Shape, dtype: "float32" | "uint8") => {
    const values = data(`${name}/${update}`, shape, dtype);
    if (name === "actions") return values.map((value) => value / 1.5);
    if (name.includes("Dropout")) return values.map((value) => value - Math.floor(value));
    if (name === "rewards") return values.map((value) => value * (update === 0 ? 1 : 20));
    return dtype === "uint8" ? Uint8Array.from(values) : values;
  };
  return Object.fromEntries(
    [...step.fields, ...step.noise].map(({ name, shape, dtype }) => [
      name,
      field(name, shape, dtype as "float32" | "uint8"),
    ]),
  );
}

function closeTo(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(actual.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!) / Math.max(1e-2, Math.abs(expected[i]!));
    assert.ok(error < golden.tolerance, `${what}[${i}]: ${actual[i]}, expected ${expected[i]}`);
  }
}

for (const [name, { spaces, network: config }] of Object.entries(cases)) {
  test(`${name}: two updates in a row have the losses, gradient norms and value scale of the equations`, async () => {
    const step = buildStep(tdMpc2Update({ spaces, network: config, learning, discounts: DISCOUNTS }));
    const session = await TrainingSession.create(step);
    try {
      session.load(startState(step));
      for (const [update, expected] of golden[name]!.updates.entries()) {
        const metrics = await session.run(batchOf(step, update), update);
        const found = new Map(step.metrics.map((metric, i) => [metric, metrics[i]!]));
        for (const [metric, value] of Object.entries(expected)) {
          closeTo([found.get(metric)!], [value], `update ${update}: ${metric}`);
        }
      }
    } finally {
      await session.close();
    }
  });

  test(`${name}: a plan has the actions, deviations and value of the equations`, async () => {
    const graphs = bundleGraphs({
      worldModel: tdMpc2,
      config,
      spaces,
      planning: { method: mppi, config: planner, short: {} },
      imagination: { sequences: 1, horizon: 1 },
    });
    const { parameters } = buildStep(tdMpc2Update({ spaces, network: config, learning, discounts: DISCOUNTS }));
    const values = new Map(parameters.map((spec) => [spec.name, start(spec.name, spec.shape)]));
    const graph = await LocalGraph.open(fillGraphs(graphs, values, ["plan"]).get("plan")!);
    try {
      const { inputs } = graph;
      const latent = inputs.latent as Float32Array;
      latent.set(data("latent", [1, latent.length]));
      latent.set(onSimplices(latent.subarray(0, config.latent), config.simplex));
      (inputs.previous_mean as Float32Array).set(data("previous_mean", [planner.horizon, 2]));
      (inputs.noise as Float32Array).set(data("noise", [inputs.noise!.length]));
      const outputs = await graph.run();
      for (const [output, expected] of Object.entries(golden[name]!.plan)) {
        closeTo(outputs[output] as Float32Array, expected, output);
      }
    } finally {
      await graph.close();
    }
  });
}

/** A softmax over every group of numbers. */
function onSimplices(x: Float32Array, size: number): Float32Array {
  const exponentials = x.map(Math.exp);
  return exponentials.map((value, i) => {
    const first = i - (i % size);
    return value / exponentials.subarray(first, first + size).reduce((sum, term) => sum + term, 0);
  });
}
