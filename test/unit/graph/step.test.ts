import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { elementCount } from "../../../src/core/tensor.ts";
import { uniformFanIn, zeros } from "../../../src/graph/nn/initializers.ts";
import * as op from "../../../src/graph/operators/index.ts";
import { adam } from "../../../src/graph/optimizers/adam.ts";
import { adaptive, globalNorm } from "../../../src/graph/optimizers/clipping.ts";
import { laProp } from "../../../src/graph/optimizers/laprop.ts";
import { sgd } from "../../../src/graph/optimizers/sgd.ts";
import { initializeParameters, type Parameters } from "../../../src/graph/parameters.ts";
import { buildEvaluation, buildStep, type StepGraph } from "../../../src/graph/step.ts";
import type { MinimizeOptions, StepDefinition } from "../../../src/graph/step-definition.ts";
import { borrowParameters, initialState, NEXT_SUFFIX } from "../../../src/graph/step-state.ts";
import type { Sym } from "../../../src/graph/sym.ts";
import { compile } from "./runtime.ts";

const [BATCH, INPUTS, HIDDEN] = [6, 3, 4];

function network(p: Parameters, x: Sym): Sym {
  const hidden = op.tanh(
    op.linear(
      x,
      p.get("first/weight", { shape: [INPUTS, HIDDEN], initializer: uniformFanIn }),
      p.get("first/bias", { shape: [HIDDEN], initializer: zeros }),
    ),
  );
  return op.linear(hidden, p.group("head").get("second/weight", { shape: [HIDDEN, 1], initializer: uniformFanIn }));
}

function regression(options: MinimizeOptions, tau?: number): StepDefinition {
  return {
    name: "regression",
    define(step) {
      const x = step.field("x", [BATCH, INPUTS]);
      const y = step.field("y", [BATCH, 1]);
      const loss = op.mean(op.square(op.sub(network(step.parameters, x), y)));
      step.metric("loss", loss);
      if (tau !== undefined)
        step.metric("targetLoss", op.mean(op.square(op.sub(network(step.parameters.target(), x), y))));
      const updated = step.minimize("model", loss, options);
      step.metric("lossAfter", op.mean(op.square(op.sub(network(updated, x), y))));
      if (tau !== undefined) step.trackTargets({ tau });
      const best = step.carried("best", [], 100);
      step.carry("best", op.min(best, loss));
    },
  };
}

const rates = { model: { learningRate: 0.05 }, head: { learningRate: 0.02 } };

function batches(count: number, seed = 3): Record<string, Float32Array> {
  const rng = new Rng(seed);
  return {
    x: rng.fillNormal(new Float32Array(count * BATCH * INPUTS)),
    y: rng.fillNormal(new Float32Array(count * BATCH)),
  };
}

type State = Map<string, Float32Array>;

function start(step: StepGraph): State {
  return initialState(step.state, initializeParameters(step.parameters, 5));
}

/** Runs a step graph, feeding each new state back. */
async function trainer(step: StepGraph, state: State = start(step)) {
  const run = await compile(step.graph);
  let made = 0;
  return async (fields: Record<string, Float32Array>) => {
    const updates = step.updates ?? 1;
    const learningRates = Array.from({ length: updates }, (_, k) =>
      step.learningRates.map(({ at }) => at(made + k)),
    ).flat();
    made += updates;
    const results = await run({ ...Object.fromEntries(state), ...fields, learningRates });
    for (const { name } of step.state) state.set(name, results[name + NEXT_SUFFIX]!);
    const metric = (name: string, row = 0) => results.metrics![row * step.metrics.length + step.metrics.indexOf(name)]!;
    return { state, metric };
  };
}

function row(fields: Record<string, Float32Array>, count: number, k: number): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, data]) => [
      name,
      data.slice((k * data.length) / count, ((k + 1) * data.length) / count),
    ]),
  );
}

describe("a training step", () => {
  test("lowers the loss, and later losses see the updated parameters", async () => {
    const step = buildStep(regression({ groups: rates, optimizer: adam() }));
    const update = await trainer(step);
    const data = batches(1);
    const first = (await update(data)).metric("loss");
    let last = first;
    let after = first;
    for (let i = 0; i < 100; i++) {
      const { metric } = await update(data);
      assert.ok(Math.abs(metric("loss") - after) < 1e-5 || i === 0);
      [last, after] = [metric("loss"), metric("lossAfter")];
    }
    assert.ok(last < 0.2 * first, `${first} → ${last}`);
  });

  for (const [name, optimizer] of Object.entries({ adam: adam(), laProp: laProp(), sgd: sgd({ momentum: 0.9 }) })) {
    test(`skips and counts an update whose gradient is not finite, leaving all state as it was (${name})`, async () => {
      const step = buildStep(regression({ groups: rates, optimizer, clip: globalNorm(1) }, 0.1));
      const update = await trainer(step);
      await update(batches(1));
      const { state } = await update(batches(1, 4));
      const before = new Map([...state].map(([key, value]) => [key, value.slice()]));
      for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const bad = batches(1);
        bad.x![4] = poison;
        const { metric } = await update(bad);
        assert.equal(metric("model/skipped"), poison === Number.POSITIVE_INFINITY ? 2 : 1);
      }
      for (const [key, value] of state) if (!key.endsWith("skipped")) assert.deepEqual(value, before.get(key), key);
      const good = await update(batches(1));
      assert.ok(Number.isFinite(good.metric("lossAfter")));
      assert.notDeepEqual(good.state.get("first/weight") ?? [...good.state.values()][0], before.get("first/weight"));
    });
  }

  test("several updates in one Loop give the state that single updates give", async () => {
    const definition = regression({ groups: rates, optimizer: adam(), clip: globalNorm(0.5) }, 0.1);
    const count = 3;
    const data = batches(count);
    const single = await trainer(buildStep(definition));
    const looped = await trainer(buildStep(definition, count));
    const together = await looped(data);
    for (let k = 0; k < count; k++) {
      const one = await single(row(data, count, k));
      assert.equal(one.metric("loss"), together.metric("loss", k));
      if (k === count - 1) assert.deepEqual(together.state, one.state);
    }
  });

  test("clips all gradients to a global norm, or each tensor to a share of its own norm", async () => {
    const data = batches(1);
    const move = async (options: Omit<MinimizeOptions, "optimizer">) => {
      const step = buildStep(regression({ ...options, optimizer: sgd() }));
      const before = borrowParameters(step.state, start(step));
      const { state, metric } = await (await trainer(step))(data);
      const after = borrowParameters(step.state, state);
      const changes = [...before].map(([name, values]) => {
        const change = values.map((value, i) => after.get(name)![i]! - value);
        return { name, norm: Math.hypot(...change), size: Math.hypot(...values) };
      });
      return { changes, norm: metric("model/gradientNorm") };
    };
    const groups = { model: { learningRate: 1 }, head: { learningRate: 1 } };
    const free = await move({ groups });
    assert.ok(Math.abs(Math.hypot(...free.changes.map((c) => c.norm)) - free.norm) < 1e-5);
    const clipped = await move({ groups, clip: globalNorm(free.norm / 2) });
    assert.ok(Math.abs(Math.hypot(...clipped.changes.map((c) => c.norm)) - free.norm / 2) < 1e-5);
    const byTensor = await move({ groups, clip: adaptive(0.01) });
    for (const { norm, size } of byTensor.changes) assert.ok(norm <= 0.01 * Math.max(size, 1e-3) + 1e-6);
    const oneGroup = await move({ groups: { ...groups, head: { learningRate: 1, clip: globalNorm(1e-3) } } });
    const head = oneGroup.changes.find((change) => change.name === "second/weight")!;
    assert.ok(Math.abs(head.norm - 1e-3) < 1e-6);
    assert.ok(oneGroup.changes.some((change) => change.norm > 1e-2));
  });

  test("targets follow by the share tau, and only every so many updates", async () => {
    const options = { groups: rates, optimizer: sgd() };
    const step = buildStep(regression(options, 0.25));
    const before = start(step);
    const old = borrowParameters(step.state, before);
    const { state } = await (await trainer(step, new Map(before)))(batches(1));
    const [now, target] = [borrowParameters(step.state, state), borrowParameters(step.state, state, "target")];
    assert.deepEqual([...target.keys()].sort(), [...now.keys()].sort());
    for (const [name, values] of target) {
      values.forEach((value, i) => {
        assert.ok(Math.abs(value - (0.75 * old.get(name)![i]! + 0.25 * now.get(name)![i]!)) < 1e-6);
      });
    }
  });

  test("an evaluation graph computes the same loss from parameters by name", async () => {
    const definition = regression({ groups: rates, optimizer: adam() });
    const [step, evaluation] = [buildStep(definition), buildEvaluation(definition)];
    const data = batches(1);
    const trained = await (await trainer(step))(data);
    const weights = initializeParameters(evaluation.parameters, 5);
    const { metrics } = await (await compile(evaluation.graph))({
      ...Object.fromEntries(weights),
      ...data,
      best: [100],
    });
    assert.equal(metrics![evaluation.metrics.indexOf("loss")], trained.metric("loss"));
  });

  test("small parameters of a group share one tensor; those clipped one by one do not", () => {
    const packed = buildStep(regression({ groups: rates, optimizer: adam() })).state.filter(
      (s) => s.role === "parameter",
    );
    assert.deepEqual(
      packed.map(({ shape, parts }) => [shape, parts.map((part) => part.name)]),
      [
        [[INPUTS * HIDDEN + HIDDEN], ["first/weight", "first/bias"]],
        [[HIDDEN, 1], ["second/weight"]],
      ],
    );
    const apart = buildStep(regression({ groups: rates, optimizer: adam(), clip: adaptive() })).state;
    const parameters = apart.filter((tensor) => tensor.role === "parameter");
    assert.deepEqual(parameters.map((tensor) => tensor.name).sort(), ["first/bias", "first/weight", "second/weight"]);
    for (const tensor of parameters) assert.equal(elementCount(tensor.shape), elementCount(tensor.parts[0]!.shape));
  });

  test("names a carried value of another shape, and one that was never declared", () => {
    const carrying = (name: string, value: (loss: Sym) => Sym): StepDefinition => {
      const { define } = regression({ groups: rates, optimizer: adam() });
      const defineAndCarry: StepDefinition["define"] = (step) => {
        define(step);
        step.carry(name, value(step.field("extra", [2])));
      };
      return { name, define: defineAndCarry };
    };
    const wrongShape = carrying("best", (x) => x);
    assert.throws(() => buildStep(wrongShape), { code: "ERR_SHAPE_MISMATCH", message: /carry\("best"\)/ });
    assert.throws(() => buildStep(carrying("worst", op.sum)), { code: "ERR_INVALID_ARGUMENT", message: /"worst"/ });
  });

  test("target copies that nothing moves are refused", () => {
    const definition: StepDefinition = {
      name: "forgotten",
      define(step) {
        const loss = op.mean(network(step.parameters.target().frozen(), step.field("x", [BATCH, INPUTS])));
        step.minimize("model", op.add(loss, op.mean(network(step.parameters, step.field("y", [BATCH, INPUTS])))), {
          groups: rates,
          optimizer: adam(),
        });
      },
    };
    assert.throws(() => buildStep(definition), { code: "ERR_INVALID_ARGUMENT", message: /trackTargets/ });
  });

  test("names the parameter group that no optimiser trains, or two", () => {
    const without = regression({ groups: { model: { learningRate: 1 } }, optimizer: adam() });
    assert.throws(() => buildStep(without), { code: "ERR_INVALID_ARGUMENT", message: /"head" but there are 0/ });
    const unknown = regression({ groups: { ...rates, actor: { learningRate: 1 } }, optimizer: adam() });
    assert.throws(() => buildStep(unknown), { code: "ERR_INVALID_ARGUMENT", message: /"actor"/ });
  });
});
