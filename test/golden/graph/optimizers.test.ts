import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import * as g from "../../../src/graph/index.ts";
import { compile } from "../../unit/graph/runtime.ts";
import { data, weights } from "./fill.ts";

interface Golden {
  readonly tolerance: number;
  readonly updates: number;
  readonly maxNorm: number;
  readonly optimizers: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
}

const golden: Golden = JSON.parse(
  readFileSync(new URL("../../../../test/golden/graph/optimizers.json", import.meta.url), "utf8"),
);

const SHAPES = { "first/weight": [4, 3], "first/bias": [3], "second/weight": [3, 2] };

const OPTIMIZERS: Readonly<Record<string, { readonly optimizer: g.Optimizer; readonly learningRate: number }>> = {
  adam: { optimizer: g.adam(), learningRate: 0.01 },
  adamW: { optimizer: g.adamW({ weightDecay: 0.1, beta1: 0.8, beta2: 0.95, epsilon: 1e-5 }), learningRate: 0.01 },
  sgd: { optimizer: g.sgd(), learningRate: 0.1 },
  momentum: { optimizer: g.sgd({ momentum: 0.9, weightDecay: 0.05 }), learningRate: 0.1 },
  laProp: { optimizer: g.laProp({ beta2: 0.99, epsilon: 1e-8 }), learningRate: 0.01 },
};

/** A loss whose gradient is the fields' values. */
function linearLoss(optimizer: g.Optimizer, learningRate: number): g.StepDefinition {
  return {
    name: "linear",
    define(step) {
      const products = Object.entries(SHAPES).map(([name, shape]) => {
        const parameter = step.parameters.get(name, { shape, initializer: g.zeros });
        return g.sum(g.mul(parameter, step.field(`gradient/${name}`, shape)));
      });
      const groups = { model: { learningRate } };
      step.minimize("model", g.addAll(products), { groups, optimizer, clip: g.globalNorm(golden.maxNorm) });
    },
  };
}

describe("parameters after some clipped updates equal torch.optim's", () => {
  for (const [name, expected] of Object.entries(golden.optimizers)) {
    test(name, async () => {
      const { optimizer, learningRate } = OPTIMIZERS[name]!;
      const step = g.buildStep(linearLoss(optimizer, learningRate));
      const run = await compile(step.graph);
      const start = Object.entries(SHAPES).map(([key, shape]) => [key, weights(key, shape)] as const);
      const state = g.initialState(step.state, new Map(start));
      for (let k = 0; k < golden.updates; k++) {
        const gradients = Object.entries(SHAPES).map(([key, shape]) => [`gradient/${key}`, data(`${key}/${k}`, shape)]);
        const rates = step.learningRates.map(({ at }) => at(k));
        const results = await run({ ...Object.fromEntries([...state, ...gradients]), learningRates: rates });
        for (const { name: key } of step.state) state.set(key, results[key + g.NEXT_SUFFIX]!);
      }
      for (const [key, values] of g.borrowParameters(step.state, state)) {
        for (const [i, wanted] of expected[key]!.entries()) {
          assert.ok(
            Math.abs(values[i]! - wanted) <= golden.tolerance,
            `${key}[${i}]: ${values[i]} instead of ${wanted}`,
          );
        }
      }
    });
  }
});
