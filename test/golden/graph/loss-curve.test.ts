import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as g from "../../../src/graph/index.ts";
import { compile } from "../../unit/graph/runtime.ts";
import { data, unit, weights } from "./fill.ts";
import { LOSSES } from "./losses.ts";

interface Golden {
  readonly tolerance: number;
  readonly updates: number;
  readonly maxNorm: number;
  readonly learningRate: number;
  readonly storedEvery: number;
  readonly losses: readonly number[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL("../../../../test/golden/graph/loss-curve.json", import.meta.url), "utf8"),
);

const convVae: g.StepDefinition = {
  name: "convVae",
  define(step) {
    const loss = LOSSES.convVae!(step);
    step.metric("loss", loss);
    const groups = { model: { learningRate: golden.learningRate } };
    step.minimize("model", loss, { groups, optimizer: g.adam(), clip: g.globalNorm(golden.maxNorm) });
  },
};

/** Two images of plane waves, a function of the update alone. */
function waves(update: number): Float32Array {
  const [a, b, c] = ["a", "b", "c"].map((part) => unit(`wave/${part}/${update}`, [2, 1, 1, 3]));
  return Float32Array.from({ length: 2 * 64 * 64 * 3 }, (_, i) => {
    const [channel, x, y] = [i % 3, Math.floor(i / 3) % 64, Math.floor(i / 192) % 64];
    const wave = 3 * Math.floor(i / (64 * 192)) + channel;
    return Math.floor(127.5 * (1 + Math.sin(0.2 * (a![wave]! * x + b![wave]! * y) + 6 * c![wave]!)));
  });
}

test(`the losses of ${golden.updates} updates of a conv VAE stay within 1 % of PyTorch's`, async () => {
  const step = g.buildStep(convVae);
  const run = await compile(step.graph);
  const start = step.parameters.map(({ name, shape }) => [name, weights(name, shape)] as const);
  const state = g.initialState(step.state, new Map(start));
  const learningRates = step.learningRates.map(({ at }) => at(0));
  for (let k = 0; k < golden.updates; k++) {
    const fields = { image: waves(k), noise: data(`noise/${k}`, [2, 6]) };
    const results = await run({ ...Object.fromEntries(state), ...fields, learningRates });
    for (const { name } of step.state) state.set(name, results[name + g.NEXT_SUFFIX]!);
    if (k % golden.storedEvery !== 0) continue;
    const [loss, wanted] = [results.metrics![step.metrics.indexOf("loss")]!, golden.losses[k / golden.storedEvery]!];
    assert.ok(Math.abs(loss / wanted - 1) <= golden.tolerance, `update ${k}: ${loss} instead of ${wanted}`);
  }
});
