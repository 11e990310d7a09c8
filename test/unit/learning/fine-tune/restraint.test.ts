import assert from "node:assert/strict";
import { test } from "node:test";
import {
  adam,
  mean,
  type Parameters,
  type StepDefinition,
  type Sym,
  square,
  sub,
  zeros,
} from "../../../../src/graph/index.ts";
import { type Restraint, restrain } from "../../../../src/learning/fine-tune/restraint.ts";
import { StepRunner, type Weights } from "../../../../src/learning/optimization/step-runner.ts";

const BEGUN: Weights = new Map([
  ["model/seen", Float32Array.of(0.5, -0.25)],
  ["model/made", Float32Array.of(0.125, 2)],
  ["policy/act", Float32Array.of(-1, 0.75)],
]);

/** Two losses, each for a group of its own: the second is one of what the first has just changed. */
const twofold: StepDefinition = {
  name: "twofold",
  define(step) {
    const goal = step.field("goal", [2]);
    const own = (p: Parameters, group: string, name: string) =>
      p
        .group(group)
        .scope(group)
        .get(name, { shape: [2], initializer: zeros });
    const error = (a: Sym, b: Sym) => mean(square(sub(a, b)));
    const first = error(own(step.parameters, "model", "seen"), sub(goal, own(step.parameters, "model", "made")));
    const groups = (name: string) => ({ [name]: { learningRate: 0.05 } });
    const updated = step.minimize("model", first, { groups: groups("model"), optimizer: adam() });
    const second = error(own(updated, "policy", "act"), own(updated, "model", "seen"));
    step.minimize("policy", second, { groups: groups("policy"), optimizer: adam() });
    step.metric("loss", first);
  },
};

async function train(restraint: Partial<Restraint>): Promise<Weights> {
  const whole = { anchor: BEGUN, strength: 0, isFrozen: () => false, ...restraint };
  const runner = await StepRunner.open(restrain(twofold, whole), BEGUN);
  (runner.arrays.goal as Float32Array).set([3, -3]);
  for (let i = 0; i < 60; i++) await runner.update(i);
  const { weights } = await runner.read();
  await runner.close();
  return weights;
}

const distance = (weights: Weights, name: string) =>
  Math.hypot(...weights.get(name)!.map((value, i) => value - BEGUN.get(name)![i]!));

test("what is frozen keeps its bytes in every minimisation, and the others learn", async () => {
  for (const frozen of BEGUN.keys()) {
    const weights = await train({ isFrozen: (name) => name === frozen });
    assert.deepEqual(weights.get(frozen), BEGUN.get(frozen), frozen);
    for (const other of BEGUN.keys()) if (other !== frozen) assert.ok(distance(weights, other) > 0.1, other);
  }
});

test("every minimisation pays for the distance of its own parameters", async () => {
  const [free, held] = [await train({}), await train({ strength: 100 })];
  for (const name of BEGUN.keys()) assert.ok(distance(held, name) < distance(free, name) / 5, name);
});

test("a parameter without a beginning pays nothing", async () => {
  const anchor = new Map([...BEGUN].filter(([name]) => name !== "policy/act"));
  const [free, held] = [await train({}), await train({ anchor, strength: 100 })];
  assert.ok(distance(held, "model/seen") < distance(free, "model/seen") / 5);
  assert.ok(distance(held, "policy/act") > distance(free, "policy/act") / 5);
});

test("without restraint it is the same update", async () => {
  const runner = await StepRunner.open(twofold, BEGUN);
  (runner.arrays.goal as Float32Array).set([3, -3]);
  for (let i = 0; i < 60; i++) await runner.update(i);
  assert.deepEqual((await runner.read()).weights, await train({}));
  await runner.close();
});
