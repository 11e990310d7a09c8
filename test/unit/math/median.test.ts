import assert from "node:assert/strict";
import { test } from "node:test";
import { median } from "../../../src/math/median.ts";

test("the median of an even number of values lies between the middle two", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([3, 1, 2]), 2);
  assert.ok(Number.isNaN(median([])));
});
