import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { leastIncrease } from "../../../src/math/share-increase.ts";

test("the least increase is Welch's lower limit, with a 0 and a 1 added to either side", () => {
  // 0, 0, 0, 1: mean 0.25, variance of the mean 0.0625; 0.5, 1, 0, 1: 0.625, 0.0572917. 5.98867 degrees of freedom, quantile 1.943882.
  const limit = 0.375 - 1.943882 * Math.sqrt(0.0625 + 0.0572917);
  assert.ok(Math.abs(leastIncrease([0, 0], [0.5, 1], 0.05) - limit) < 0.001);
});

const shares = {
  "yes or no": (rng: Rng, mean: number) => (rng.uniform() < mean ? 1 : 0),
  "near their mean": (rng: Rng, mean: number) => mean + Math.min(mean, 1 - mean) * rng.uniform(-1, 1),
};
for (const [what, draw] of Object.entries(shares)) {
  test(`for shares that are ${what} it lies above the true increase at most about as often as asked, also near 0 and 1`, () => {
    const rng = new Rng(3);
    const sample = (mean: number, count: number) => Array.from({ length: count }, () => draw(rng, mean));
    for (const [before, now] of [
      [0.05, 0.05],
      [0.2, 0.5],
      [0.1, 0.95],
    ] as const) {
      let above = 0;
      const draws = 4000;
      for (let i = 0; i < draws; i++) {
        if (leastIncrease(sample(before, 30), sample(now, 12), 0.05) > now - before) above++;
      }
      assert.ok(above / draws < 0.07, `${before} → ${now}: ${above / draws}`);
    }
  });
}

test("more of the same raises the least increase towards the increase", () => {
  const limits = [3, 10, 100].map((count) =>
    leastIncrease(new Array<number>(count).fill(0.1), new Array<number>(count).fill(0.6), 0.001),
  );
  assert.ok(limits[0]! < 0 && limits[1]! > limits[0]! && limits[2]! > 0.4 && limits[2]! < 0.5, limits.join(" "));
});
