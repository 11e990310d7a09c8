import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Cusum } from "../../../src/math/cusum.ts";

test("a small change that lasts adds up; one that passes is forgotten", () => {
  const sum = new Cusum(1);
  for (let i = 0; i < 10; i++) sum.add(1.5);
  assert.equal(sum.level, 5);
  for (let i = 0; i < 10; i++) sum.add(0.5);
  assert.equal(sum.level, 0);
  sum.add(3);
  assert.equal(sum.level, 2);
});

test("the level is the largest sum of excesses that ends here, and never negative", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 40 }), (values) => {
      const sum = new Cusum(3);
      for (const value of values) sum.add(value);
      const excesses = values.map((value) => value - 3);
      const endingHere = excesses.map((_, i) => excesses.slice(i).reduce((total, excess) => total + excess, 0));
      assert.equal(sum.level, Math.max(0, ...endingHere));
    }),
  );
});
