import assert from "node:assert/strict";
import { test } from "node:test";
import { normalQuantile } from "../../../src/math/normal-quantile.ts";

/** By `statistics.NormalDist().inv_cdf` of CPython 3.13, which is exact to 16 digits. */
const EXPECTED = [
  [1e-9, -5.9978070150076865],
  [1e-4, -3.71901648545568],
  [0.01, -2.3263478740408408],
  [0.074, -1.4466320671589785],
  [0.076, -1.4325027208258114],
  [0.3, -0.5244005127080407],
  [0.5, 0],
  [0.9, 1.2815515655446008],
  [0.999, 3.090232306167813],
  [1 - 1e-12, 7.0344869100478356],
] as const;

test("quantiles of the normal distribution agree with an independent implementation to six digits", () => {
  for (const [probability, quantile] of EXPECTED) {
    assert.ok(
      Math.abs(normalQuantile(probability) - quantile) < 1e-6,
      `${probability}: ${normalQuantile(probability)}`,
    );
  }
});

test("what is no probability has no quantile", () => {
  for (const probability of [-0.1, 1.1, Number.NaN]) assert.ok(Number.isNaN(normalQuantile(probability)));
});
