import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { symexp, symlog } from "../../../src/math/symlog.ts";
import { evenBins, symexpBins, twoHot } from "../../../src/math/two-hot.ts";

const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });

describe("symlog", () => {
  test("is odd, compresses, and is undone by symexp", () => {
    fc.assert(
      fc.property(number, (x) => {
        assert.ok(Math.abs(symexp(symlog(x)) - x) <= 1e-9 * (1 + Math.abs(x)));
        assert.equal(symlog(-x), -symlog(x));
        assert.ok(Math.abs(symlog(x)) <= Math.abs(x));
      }),
    );
  });
});

describe("two-hot weights", () => {
  const bins = fc.constantFrom(evenBins(-10, 10, 101), symexpBins(-20, 20, 255), [-1, 0, 5]);

  test("sum to one on at most two neighbouring bins, with the number as their mean", () => {
    fc.assert(
      fc.property(number, bins, (x, places) => {
        const weights = twoHot(x, places);
        const used = [...weights.keys()].filter((i) => weights[i]! > 0);
        assert.ok(used.length === 1 || (used.length === 2 && used[1]! - used[0]! === 1));
        assert.ok(Math.abs(weights.reduce((a, b) => a + b, 0) - 1) < 1e-6);
        const inside = Math.min(Math.max(x, places[0]!), places.at(-1)!);
        const mean = weights.reduce((total, weight, i) => total + weight * places[i]!, 0);
        assert.ok(Math.abs(mean - inside) <= 1e-6 * (1 + Math.abs(inside)), `${mean} instead of ${inside}`);
      }),
    );
  });

  test("of a number beyond the bins are all on the outermost one", () => {
    assert.deepEqual([...twoHot(-7, [-1, 0, 5])], [1, 0, 0]);
    assert.deepEqual([...twoHot(7, [-1, 0, 5])], [0, 0, 1]);
  });
});
