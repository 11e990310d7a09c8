import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LatencyHistogram } from "../../../../src/nodes/control/latency-histogram.ts";

test("a quantile is at most 3 % and 64 ns above the exact one, never below", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2e10 }), { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0.5, 0.9, 0.99, 0.999, 1),
      (samples, share) => {
        const histogram = new LatencyHistogram();
        for (const sample of samples) histogram.record(sample);
        const sorted = [...samples].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
        const quantile = histogram.quantileNs(share);
        assert.ok(quantile >= exact - 64 && quantile <= exact * 1.033 + 64, `${quantile} for ${exact}`);
      },
    ),
    { seed: 7 },
  );
});

test("counts, maximum, early samples and an empty histogram", () => {
  const histogram = new LatencyHistogram();
  assert.ok(Number.isNaN(histogram.quantileNs(0.5)));
  for (const ns of [-500, 0, 1e6]) histogram.record(ns);
  assert.deepEqual([histogram.count, histogram.maxNs, histogram.quantileNs(0.5)], [3, 1e6, 0]);
  histogram.record(1e15);
  assert.ok(histogram.maxNs > 274e9, "longer than the last bucket counts there");
});
