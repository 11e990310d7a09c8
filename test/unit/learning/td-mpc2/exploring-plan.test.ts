import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../../src/core/rng.ts";
import { Graph, InputParameters, Parameters } from "../../../../src/graph/index.ts";
import { LocalGraph } from "../../../../src/learning/bundle/local-graph.ts";
import { discountOf } from "../../../../src/learning/online/recipe.ts";
import { exploringPlan } from "../../../../src/learning/td-mpc2/exploring-plan.ts";
import { mppi } from "../../../../src/planners/mppi.ts";
import { noiseCounts, search } from "../../../../src/planners/search.ts";
import type { LatentModel } from "../../../../src/world-models/world-model.ts";
import { pointMassIn } from "../../../support/point-mass.ts";

const config = { ...mppi.defaults, horizon: 3, iterations: 2, candidates: 32, elites: 8, minStd: 0.1 };

/** A plan and an exploring plan from the same noise, many times over. */
async function draw(times: number) {
  const exploring = new Graph("exploring");
  const build = (parameters: Parameters) => pointMassIn(parameters.graph) as LatentModel;
  exploringPlan(build, config)(new Parameters(new InputParameters(exploring)));
  const plain = new Graph("plain");
  const model = pointMassIn(plain);
  const counts = noiseCounts(model, config);
  const latent = plain.input("latent", [1, 2]);
  const previous = plain.input("previous_mean", [config.horizon, 1]);
  const noise = plain.noiseInput("noise", [counts.start + config.iterations * counts.iteration]);
  const plan = search(mppi, model, latent, previous, noise, config);
  plain.output("mean", plan.mean);
  plain.output("std", plan.std);
  plain.output("elites", plan.eliteActions);
  const [a, b] = [await LocalGraph.open(exploring.toOnnx()), await LocalGraph.open(plain.toOnnx())];
  const rng = new Rng(5);
  const draws = [];
  for (let i = 0; i < times; i++) {
    (a.inputs.latent as Float32Array).set([0.5, 0]);
    (b.inputs.latent as Float32Array).set([0.5, 0]);
    const normals = rng.fillNormal(a.inputs.noise as Float32Array);
    (b.inputs.noise as Float32Array).set(normals.subarray(0, b.inputs.noise!.length));
    const actions = (await a.run()).actions as Float32Array;
    const { mean, std, elites } = (await b.run()) as Readonly<Record<string, Float32Array>>;
    draws.push({ actions, disturbance: normals.at(-1)!, mean: mean!, std: std!, elites: elites! });
  }
  await a.close();
  await b.close();
  return draws;
}

const draws = await draw(200);

test("the first action is an elite's, moved by noise of the plan's deviation", () => {
  for (const { actions, disturbance, std, elites } of draws) {
    const moved = Array.from(elites.subarray(0, config.elites), (elite) =>
      Math.min(1, Math.max(-1, elite + disturbance * std[0]!)),
    );
    assert.ok(moved.some((action) => Math.abs(action - actions[0]!) < 1e-5));
  }
});

test("later actions are the plan's own, so that the next search starts from the mean", () => {
  for (const { actions, mean } of draws) assert.deepEqual(actions.subarray(1), mean.subarray(1));
});

test("better elites are drawn more often: on average the first action is the plan's", () => {
  const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const difference = average(draws.map(({ actions, mean }) => actions[0]! - mean[0]!));
  const spread = Math.max(...draws.map(({ std }) => std[0]!));
  assert.ok(Math.abs(difference) < (4 * spread) / Math.sqrt(draws.length), `${difference}`);
});

test("the discount sees a fifth of an episode ahead, within its bounds", () => {
  assert.equal(discountOf(500), 0.99);
  assert.equal(discountOf(50), 0.95);
  assert.equal(discountOf(100_000), 0.995);
});
