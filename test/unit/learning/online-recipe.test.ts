import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type OnlineRecipe, stepsWorth, updatesDue } from "../../../src/learning/online/recipe.ts";

const recipe: fc.Arbitrary<OnlineRecipe> = fc.record({
  steps: fc.constant(100_000),
  randomSteps: fc.integer({ min: 1, max: 20_000 }),
  firstUpdates: fc.integer({ min: 0, max: 5000 }),
  updatesPerStep: fc.constantFrom(0.1, 0.5, 1, 2),
  explorationStd: fc.constant(0),
  evaluateEvery: fc.constant(1000),
});

test("updates are worth the steps that ask for them", () => {
  fc.assert(
    fc.property(recipe, fc.integer({ min: 0, max: 80_000 }), (each, later) => {
      const steps = each.randomSteps + later;
      const due = updatesDue(each, steps);
      const worth = stepsWorth(each, due);
      assert.ok(worth <= steps + 1e-6 && worth > steps - 1 / each.updatesPerStep - 1e-6, `${steps}, ${due}, ${worth}`);
    }),
  );
});

test("the first updates are worth their share of the random steps", () => {
  fc.assert(
    fc.property(recipe, fc.double({ min: 0, max: 0.99, noNaN: true }), (each, share) => {
      fc.pre(each.firstUpdates > 0);
      const worth = stepsWorth(each, share * each.firstUpdates);
      assert.ok(Math.abs(worth - share * each.randomSteps) < 1e-6);
    }),
  );
});
