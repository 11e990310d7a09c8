import assert from "node:assert/strict";
import { test } from "node:test";
import type { Plan } from "../../../../src/core/plan.ts";
import { LIMIT_BITS } from "../../../../src/core/status.ts";
import type { Verdict } from "../../../../src/learning/gates/gate.ts";
import { judgeShadow, judgeWatch, SwapFigures } from "../../../../src/nodes/world-model/swap-figures.ts";
import { swapParameters } from "../../../../src/nodes/world-model/swap-parameters.ts";

const LIMITS = swapParameters.parse({});
const WARN = 5;

const planOf = (surprise: number, action = 0): Plan => ({
  id: 1,
  actions: Float32Array.of(action, action),
  horizon: 1,
  actionDimension: 2,
  startNs: 0,
  stepPeriodNs: 1e8,
  observationStampNs: 0n,
  observationArrivalNs: 0,
  modelHash: "",
  rung: "mpc",
  value: 0,
  surprise,
  delayNs: 0,
  computeNs: 5e6,
});

/** A model that does well: 20 plans, 200 commands, 40 rewards. */
function good(): SwapFigures {
  const figures = new SwapFigures(WARN);
  for (let i = 0; i < 20; i++) {
    figures.addPlan(planOf(1));
    figures.addChange(planOf(1, 0.1), planOf(1, 0.2));
  }
  for (let i = 0; i < 200; i++) figures.addTick(i % 10 === 0 ? LIMIT_BITS.velocity : 0, "none");
  for (let i = 0; i < 40; i++) figures.addReward(-1);
  return figures;
}

const failed = (verdicts: readonly Verdict[]) =>
  verdicts.filter(({ passed }) => passed === false).map(({ gate }) => gate);

test("a shadow that plans in time, unsurprised and much like the live model passes", () => {
  assert.deepEqual(failed(judgeShadow(good(), good(), LIMITS)), []);
});

const badShadows: readonly [what: string, spoil: (shadow: SwapFigures) => void, gate: string][] = [
  ["one that fails once", (shadow) => void shadow.failures++, "shadow-failures"],
  [
    "one that is late in a fifth of its steps",
    (shadow) => [1, 2, 3, 4].map(() => shadow.addPlan(undefined)),
    "shadow-late",
  ],
  [
    "one that is often surprised",
    (shadow) => Array.from({ length: 9 }, () => shadow.addPlan(planOf(6))),
    "shadow-surprise",
  ],
  [
    "one whose surprise is no number",
    (shadow) => Array.from({ length: 9 }, () => shadow.addPlan(planOf(Number.NaN))),
    "shadow-surprise",
  ],
  [
    "one that asks for the opposite",
    (shadow) => Array.from({ length: 60 }, () => shadow.addChange(planOf(1, 1), planOf(1, -1))),
    "shadow-action-change",
  ],
];
for (const [what, spoil, gate] of badShadows) {
  test(`a shadow run refuses ${what}`, () => {
    const shadow = good();
    spoil(shadow);
    assert.deepEqual(failed(judgeShadow(shadow, good(), LIMITS)), [gate]);
  });
}

test("a shadow that never ran beside the live model is refused", () => {
  const nothing = new SwapFigures(WARN);
  assert.ok(failed(judgeShadow(nothing, nothing, LIMITS)).includes("shadow-steps"));
  assert.ok(failed(judgeShadow(nothing, good(), LIMITS)).includes("shadow-late"));
});

test("a watched model that does as well as the one before it is kept", () => {
  assert.deepEqual(failed(judgeWatch(good(), good(), LIMITS)), []);
});

const badModels: readonly [what: string, spoil: (now: SwapFigures) => void, gate: string][] = [
  ["it fails", (now) => void now.failures++, "watch-failures"],
  ["it brings the robot to a halt", (now) => now.addTick(0, "surprise"), "watch-halt"],
  ["it is late", (now) => [1, 2, 3, 4].map(() => now.addPlan(undefined)), "watch-late"],
  ["it is often surprised", (now) => Array.from({ length: 9 }, () => now.addPlan(planOf(6))), "watch-surprise"],
  [
    "the gate limits half of its commands",
    (now) => Array.from({ length: 160 }, () => now.addTick(LIMIT_BITS.acceleration, "none")),
    "watch-limits",
  ],
  ["the reward falls to twice the cost", (now) => Array.from({ length: 80 }, () => now.addReward(-2)), "watch-reward"],
];
for (const [what, spoil, gate] of badModels) {
  test(`a watched model is rolled back when ${what}`, () => {
    const now = good();
    spoil(now);
    assert.deepEqual(failed(judgeWatch(now, good(), LIMITS)), [gate]);
  });
}

test("what no model brings about is not held against it: soft starts, an operator's halt", () => {
  const now = good();
  for (let i = 0; i < 500; i++) now.addTick(LIMIT_BITS.softStart, "operator");
  assert.deepEqual(failed(judgeWatch(now, good(), LIMITS)), []);
});

test("nothing is said before there is enough to say it by", () => {
  const now = new SwapFigures(WARN);
  now.addPlan(planOf(9));
  now.addTick(LIMIT_BITS.velocity, "none");
  now.addReward(-100);
  assert.deepEqual(failed(judgeWatch(now, good(), LIMITS)), []);
});
