import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  abs,
  add,
  concat,
  Graph,
  matmul,
  mul,
  sigmoid,
  slice,
  square,
  sub,
  sum,
  tanh,
} from "../../../src/graph/index.ts";
import { PLANNERS, type PlannableModel, type PlannerConfig, type PlannerName } from "../../../src/planners/index.ts";
import { search } from "../../../src/planners/search.ts";
import { runGraph } from "../../support/run-graph.ts";

interface Case {
  readonly method: PlannerName;
  readonly config: PlannerConfig;
  readonly use: { readonly value: boolean; readonly continuation: boolean; readonly stochastic: boolean };
  readonly latent: number[];
  readonly previousMean: number[];
  readonly noise: number[];
  readonly mean: number[];
  readonly std: number[];
  readonly value: number;
}
interface Golden {
  readonly weights: Readonly<Record<string, { readonly shape: number[]; readonly values: number[] }>>;
  readonly cases: readonly Case[];
}

const RELATIVE_TOLERANCE = 1e-4;
const file = new URL("../../../../test/golden/planners/plans.json", import.meta.url);
const golden = JSON.parse(await readFile(file, "utf8")) as Golden;

/** The model of make_plans.py. */
function modelIn(graph: Graph, { use }: Case): PlannableModel {
  const weight = (name: string) => graph.constant(golden.weights[name]!.values, golden.weights[name]!.shape);
  const product = (parts: Parameters<typeof concat>[0], name: string) => matmul(concat(parts), weight(name));
  return {
    latentSize: 4,
    actionSize: 2,
    noiseSizes: { next: use.stochastic ? 4 : 0, value: use.value ? 2 : 0, policy: 2 },
    next(latent, action, noise) {
      const mean = tanh(product([latent, action], "dynamics"));
      return noise ? add(mean, mul(noise, 0.1)) : mean;
    },
    reward: (latent, action, next) =>
      sub(product([latent, action, next], "reward"), mul(sum(square(action), 1, true), 0.1)),
    policy: (latent, noise) => tanh(add(product([latent], "policy"), mul(noise!, 0.3))),
    uncertainty: (latent, action) => abs(product([latent, action], "uncertainty")),
    ...(use.value && {
      value: (latent, noise) => add(product([latent], "value"), mul(slice(noise!, 1, 0, 1), 0.05)),
    }),
    ...(use.continuation && { continuation: (next) => sigmoid(add(product([next], "continuation"), 2)) }),
  };
}

function assertClose(actual: Float32Array, expected: readonly number[], what: string): void {
  assert.equal(actual.length, expected.length);
  const scale = Math.max(...expected.map(Math.abs), 1e-3);
  const worst = Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value)));
  assert.ok(worst <= RELATIVE_TOLERANCE * scale, `${what}: off by ${worst} of ${scale}`);
}

for (const [i, wanted] of golden.cases.entries()) {
  test(`${wanted.method} plans as the NumPy implementation does (case ${i})`, async () => {
    const graph = new Graph("plan");
    const { horizon } = wanted.config;
    const latent = graph.input("latent", [1, 4]);
    const previousMean = graph.input("previous_mean", [horizon, 2]);
    const noise = graph.noiseInput("noise", [wanted.noise.length]);
    const method = PLANNERS[wanted.method];
    const plan = search(method, modelIn(graph, wanted), latent, previousMean, noise, wanted.config);
    graph.output("actions", plan.mean);
    graph.output("std", plan.std);
    graph.output("value", plan.value);
    const outputs = await runGraph(graph, {
      latent: Float32Array.from(wanted.latent),
      previous_mean: Float32Array.from(wanted.previousMean),
      noise: Float32Array.from(wanted.noise),
    });
    assertClose(outputs.actions!, wanted.mean, "actions");
    assertClose(outputs.std!, wanted.std, "std");
    assertClose(outputs.value!, [wanted.value], "value");
  });
}
