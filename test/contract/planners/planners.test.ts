import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { add, Graph, greater, mul, where } from "../../../src/graph/index.ts";
import { buildAnytimeGraphs } from "../../../src/planners/anytime.ts";
import { PLANNERS, type PlannableModel, type PlannerConfig } from "../../../src/planners/index.ts";
import { noiseCounts, type SearchMethod, search } from "../../../src/planners/search.ts";
import { bestPlan, pointMassIn } from "../../support/point-mass.ts";
import { openGraph, runGraph, type Values } from "../../support/run-graph.ts";

const START = [0.6, -0.3] as const;
const HORIZON = 6;
const latent = Float32Array.from(START);
const coldStart = new Float32Array(HORIZON);

type ModelIn = (graph: Graph) => PlannableModel;

function noiseFor(modelIn: ModelIn, config: PlannerConfig) {
  const counts = noiseCounts(modelIn(new Graph()), config);
  return {
    counts,
    noise: new Rng(5).fillNormal(new Float32Array(counts.start + config.iterations * counts.iteration)),
  };
}

async function plan(
  method: SearchMethod,
  config: PlannerConfig,
  modelIn: ModelIn,
  previous = coldStart,
): Promise<Values> {
  const graph = new Graph("plan");
  const { noise } = noiseFor(modelIn, config);
  const result = search(
    method,
    modelIn(graph),
    graph.input("latent", [1, 2]),
    graph.input("previous_mean", [HORIZON, 1]),
    graph.noiseInput("noise", [noise.length]),
    config,
  );
  graph.output("actions", result.mean);
  graph.output("std", result.std);
  graph.output("value", result.value);
  return runGraph(graph, { latent, previous_mean: previous, noise });
}

for (const [name, method] of Object.entries(PLANNERS)) {
  const config: PlannerConfig = { ...method.defaults, horizon: HORIZON, candidates: 200, iterations: 3, discount: 1 };
  const elites = Math.min(method.defaults.elites, 20);
  const usual: PlannerConfig = { ...config, elites };

  test(`${name}: a plan is better than doing nothing and not better than the best`, async () => {
    const { value } = await plan(method, usual, pointMassIn);
    const best = bestPlan(START, HORIZON).value;
    const nothing = await plan(
      method,
      { ...usual, candidates: 2, elites: 1, actionLow: [0], actionHigh: [0] },
      pointMassIn,
    );
    assert.ok(value![0]! > nothing.value![0]! && value![0]! <= best + 1e-5, `${nothing.value} < ${value} <= ${best}`);
  });

  test(`${name}: the same inputs give the same bytes`, async () => {
    assert.deepEqual(await plan(method, usual, pointMassIn), await plan(method, usual, pointMassIn));
  });

  test(`${name}: actions stay within the limits, whatever the warm start and the policy prior ask`, async () => {
    const limited = { ...usual, policyCandidates: 10, momentum: 0.5, actionLow: [-0.1], actionHigh: [0.2] };
    const { actions } = await plan(method, limited, pointMassIn, new Float32Array(HORIZON).fill(9));
    assert.ok(
      actions!.every((action) => action >= -0.1 - 1e-6 && action <= 0.2 + 1e-6),
      String(actions),
    );
  });

  test(`${name}: any-time iterations give the plan of the whole search, bit for bit`, async () => {
    for (const policyCandidates of [0, 8]) {
      const anytime = { ...usual, policyCandidates };
      const { counts, noise } = noiseFor(pointMassIn, anytime);
      const { start, iterate } = buildAnytimeGraphs(method, pointMassIn, anytime);
      const begun = await runGraph(start, { latent, previous_mean: coldStart, noise: noise.subarray(0, counts.start) });
      const session = await openGraph(iterate);
      let state: Values = { mean_out: begun.mean!, std_out: begun.std! };
      for (let i = 0; i < anytime.iterations; i++) {
        const from = counts.start + i * counts.iteration;
        state = await session.run({
          latent,
          mean: state.mean_out!,
          std: state.std_out!,
          ...(begun.policy_actions && { policy_actions: begun.policy_actions }),
          noise: noise.slice(from, from + counts.iteration),
        });
      }
      await session.close();
      const whole = await plan(method, anytime, pointMassIn);
      assert.deepEqual(state, { mean_out: whole.actions, std_out: whole.std, value: whole.value });
    }
  });

  test(`${name}: a candidate whose return is not a number never enters the plan`, async () => {
    const broken: ModelIn = (graph) => {
      const model = pointMassIn(graph);
      return {
        ...model,
        reward: (from, action, to) => {
          const reward = model.reward(from, action, to);
          return where(greater(action, 0), mul(add(reward, Number.MAX_VALUE), 0), reward);
        },
      };
    };
    const { actions, std, value } = await plan(method, { ...usual, elites: 1 }, broken);
    for (const outputs of [actions!, std!, value!]) assert.ok(outputs.every(Number.isFinite), `${name} ${outputs}`);
    assert.ok(actions!.every((action) => action <= 0));
  });

  test(`${name}: a penalty on uncertainty keeps the plan where the model is sure`, async () => {
    const size = ({ actions }: Values) => actions!.reduce((sum, action) => sum + action ** 2, 0);
    const bold = size(await plan(method, usual, pointMassIn));
    const careful = size(await plan(method, { ...usual, uncertaintyPenalty: 5 }, pointMassIn));
    assert.ok(careful < bold / 2, `${careful} and ${bold}`);
  });

  test(`${name}: parameters that contradict each other or the model are refused by name`, () => {
    const wrong: [Partial<PlannerConfig>, RegExp][] = [
      [{ candidates: 4, elites: 5 }, /at most 4 elites.*received 5/],
      [{ policyCandidates: 200 }, /fewer than 200 policyCandidates/],
      [{ minStd: 3 }, /minStd of at most maxStd/],
      [{ discount: 1.5 }, /discount/],
      [{ actionLow: [0, 0] }, /1 numbers for actionLow but received 2/],
      [{ actionLow: [0.5], actionHigh: [0.4] }, /actionLow below actionHigh/],
    ];
    for (const [change, message] of wrong) {
      assert.throws(() => buildAnytimeGraphs(method, pointMassIn, { ...usual, ...change }), {
        code: "ERR_INVALID_ARGUMENT",
        message,
      });
    }
    const bare: ModelIn = (graph) => {
      const { policy: _policy, uncertainty: _uncertainty, ...rest } = pointMassIn(graph);
      return rest;
    };
    assert.throws(() => buildAnytimeGraphs(method, bare, { ...usual, policyCandidates: 3 }), /model without policy/);
    assert.throws(() => buildAnytimeGraphs(method, bare, { ...usual, uncertaintyPenalty: 1 }), /without uncertainty/);
  });
}

test("CEM and MPPI find the optimum of a linear-quadratic problem", async () => {
  const best = bestPlan(START, HORIZON);
  assert.ok(
    best.actions.every((action) => Math.abs(action) < 0.9),
    "the optimum must lie within the limits",
  );
  const sizes = { horizon: HORIZON, candidates: 500, elites: 40, iterations: 15, discount: 1, maxStd: 1, minStd: 0 };
  for (const [method, extra] of [
    [PLANNERS.cem, {}],
    [PLANNERS.mppi, { temperature: 20 }],
  ] as const) {
    const { actions, value } = await plan(method, { ...method.defaults, ...sizes, ...extra }, pointMassIn);
    const worst = Math.max(...best.actions.map((action, t) => Math.abs(action - actions![t]!)));
    assert.ok(worst < 0.01, `actions ${actions} where ${best.actions} are best`);
    assert.ok(Math.abs(value![0]! - best.value) < 1e-3 * Math.abs(best.value), `value ${value} of ${best.value}`);
  }
});

test("a warm start that is already the best plan stays the best plan", async () => {
  const best = bestPlan(START, HORIZON);
  const config = { ...PLANNERS["random-shooting"].defaults, horizon: HORIZON, candidates: 100, iterations: 2 };
  const { actions } = await plan(PLANNERS["random-shooting"], config, pointMassIn, Float32Array.from(best.actions));
  assert.deepEqual(actions, Float32Array.from(best.actions));
});
