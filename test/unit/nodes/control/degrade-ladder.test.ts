import assert from "node:assert/strict";
import { test } from "node:test";
import { DegradeLadder } from "../../../../src/nodes/control/degrade-ladder.ts";

test("each step down is counted once with its cause, steps up are not", () => {
  const ladder = new DegradeLadder();
  const steps = [
    ladder.observe("hold", "none"), // not armed yet: no rung to lose
    ladder.observe("mpc", "none"),
    ladder.observe("mpc-short", "none"),
    ladder.observe("mpc-short", "none"),
    ladder.observe("last-plan", "none"),
    ladder.observe("hold", "plan-stale"),
    ladder.observe("hold", "plan-stale"),
    ladder.observe("mpc", "none"),
    ladder.observe("hold", "estop"),
  ];
  assert.deepEqual(
    steps.map((step) => step && `${step.rung}: ${step.cause}`),
    [
      undefined,
      undefined,
      "mpc-short: planner-budget",
      undefined,
      "last-plan: plan-late",
      "hold: plan-stale",
      undefined,
      undefined,
      "hold: estop",
    ],
  );
  assert.deepEqual(ladder.counts, {
    "mpc-short: planner-budget": 1,
    "last-plan: plan-late": 1,
    "hold: plan-stale": 1,
    "hold: estop": 1,
  });
  assert.equal(ladder.rung, "hold");
});
