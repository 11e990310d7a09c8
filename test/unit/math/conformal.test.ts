import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Rng } from "../../../src/core/rng.ts";
import { conformalThreshold } from "../../../src/math/conformal.ts";

test("fresh scores exceed the threshold at most at the asked rate, on average over calibrations", () => {
  const rng = new Rng(5);
  const draw = () => Math.exp(2 * rng.normal()); // heavy-tailed, as surprise is
  for (const rate of [0.2, 0.05, 0.01]) {
    let above = 0;
    for (let trial = 0; trial < 400; trial++) {
      const { threshold } = conformalThreshold(Float64Array.from({ length: 150 }, draw), rate);
      for (let i = 0; i < 50; i++) if (draw() > threshold) above++;
    }
    const measured = above / 20_000;
    assert.ok(measured <= 1.15 * rate && measured >= 0.5 * rate, `${measured} for ${rate}`);
  }
});

test("too few scores vouch for a rate of their own: the threshold is then the largest", () => {
  assert.deepEqual(conformalThreshold([3, 1, 2], 0.01), { threshold: 3, falseAlarmRate: 0.25 });
  assert.deepEqual(conformalThreshold([3, 1, 2], 0.25), { threshold: 3, falseAlarmRate: 0.25 });
  assert.deepEqual(conformalThreshold([3, 1, 2], 0.5), { threshold: 2, falseAlarmRate: 0.5 });
});

test("the threshold is one of the scores, in whatever order they come, and never falls as the rate does", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (scores) => {
      const [lax, strict] = [0.3, 0.1].map((rate) => conformalThreshold(scores, rate).threshold);
      assert.ok(scores.includes(lax!) && strict! >= lax!);
      assert.equal(conformalThreshold(scores.toReversed(), 0.3).threshold, lax);
    }),
  );
});
