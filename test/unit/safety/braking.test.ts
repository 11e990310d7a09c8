import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { brakedVelocity, fastestStoppableSpeed } from "../../../src/safety/braking.ts";

const positive = (max: number) => fc.double({ min: 1e-3, max, noNaN: true });

/** What the speed covers: one period at full speed, then braked periods until rest. */
function distanceToRest(speed: number, acceleration: number, periodS: number): number {
  let distance = 0;
  for (let v = speed; v > 0; v = brakedVelocity(v, acceleration * periodS)) distance += v * periodS;
  return distance;
}

test("the fastest stoppable speed uses up the gap exactly", () => {
  fc.assert(
    fc.property(positive(10), positive(50), positive(0.1), (gap, acceleration, periodS) => {
      const speed = fastestStoppableSpeed(gap, acceleration, periodS);
      assert.ok(Math.abs(distanceToRest(speed, acceleration, periodS) - gap) < 1e-9 * Math.max(1, gap));
    }),
  );
});

test("no gap, a gap behind the limit and a gap that is no number allow no speed; an endless gap allows any", () => {
  for (const gap of [0, -1, Number.NEGATIVE_INFINITY, Number.NaN]) assert.equal(fastestStoppableSpeed(gap, 5, 0.01), 0);
  for (const gap of [1e300, Number.POSITIVE_INFINITY]) assert.equal(fastestStoppableSpeed(gap, 5, 0.01), Infinity);
});

test("braking ends at exactly zero from both sides", () => {
  assert.equal(brakedVelocity(0.03, 0.05), 0);
  assert.equal(brakedVelocity(-0.03, 0.05), 0);
  assert.equal(brakedVelocity(0.25, 0.05), 0.2);
  assert.equal(brakedVelocity(-0.25, 0.05), -0.2);
});
