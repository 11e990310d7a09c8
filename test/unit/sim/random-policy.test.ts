import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { randomPolicy } from "../../../src/sim/random-policy.ts";

test("actions hold for about three steps, stay in [-1, 1] and often reach the limits", () => {
  const next = randomPolicy(new Rng(1), 2);
  const action = new Float32Array(2);
  let [changes, atLimit, last] = [0, 0, Number.NaN];
  const steps = 10_000;
  for (let i = 0; i < steps; i++) {
    next(action);
    assert.ok(action.every((value) => value >= -1 && value <= 1));
    if (action[0] !== last) changes++;
    if (Math.abs(action[0]!) === 1) atLimit++;
    last = action[0]!;
  }
  assert.ok(Math.abs(changes / steps - 0.35 * (1 - (0.4 / 1.4) ** 2 / 2)) < 0.02, `${changes} changes`); // limit → same limit is no change
  assert.ok(Math.abs(atLimit / steps - 0.4 / 1.4) < 0.03, `${atLimit} at a limit`);
});
