import assert from "node:assert/strict";
import { test } from "node:test";
import { RestartBudget } from "../../../src/nodes/host/restart-budget.ts";

const S = 1e9;

test("a process may begin again five times a minute, each time after twice the wait", () => {
  const budget = new RestartBudget();
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((second) => budget.spend(second * S)),
    [100, 200, 400, 800, 1600, undefined],
  );
});

test("what is more than a minute ago counts no more", () => {
  const budget = new RestartBudget();
  for (let i = 0; i < 5; i++) budget.spend(i * S);
  assert.equal(budget.spend(59 * S), undefined);
  assert.equal(budget.spend(60.5 * S), 1600, "one of the five is forgotten");
  assert.equal(budget.spend(200 * S), 100);
});
