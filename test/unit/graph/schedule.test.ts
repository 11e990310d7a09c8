import assert from "node:assert/strict";
import { test } from "node:test";
import { constantRate, cosineDecay, linearDecay, toSchedule, warmUp } from "../../../src/graph/optimizers/schedule.ts";

test("warm-up rises to the rate in the given number of updates and never gives zero", () => {
  const rate = warmUp(4, 0.1);
  assert.deepEqual([0, 1, 2, 3, 4, 100].map(rate), [0.025, 0.05, 0.1 * 0.75, 0.1, 0.1, 0.1]);
});

test("warm-up multiplies the schedule under it", () => {
  const rate = warmUp(2, linearDecay(1, 0, 4));
  assert.deepEqual([0, 1, 2, 4, 9].map(rate), [0.5, 0.75, 0.5, 0, 0]);
});

test("decays start and end at their rates and stay there", () => {
  for (const decay of [linearDecay, cosineDecay]) {
    const rate = decay(3, 1, 10);
    assert.deepEqual([rate(0), rate(5), rate(10), rate(50)], [3, 2, 1, 1]);
  }
});

test("a number is a constant schedule", () => {
  assert.equal(toSchedule(0.3)(7), 0.3);
  assert.equal(constantRate(0.2)(7), 0.2);
});
