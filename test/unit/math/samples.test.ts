import assert from "node:assert/strict";
import { test } from "node:test";
import { Samples } from "../../../src/math/samples.ts";

test("percentiles take the nearest rank, whatever the order of the samples", () => {
  const samples = new Samples();
  for (const value of [50, 10, 40, 20, 30]) samples.add(value);
  assert.deepEqual(
    [0, 0.2, 0.21, 0.5, 0.99, 1].map((share) => samples.percentile(share)),
    [10, 10, 20, 30, 50, 50],
  );
  assert.equal(samples.mean, 30);
});

test("no samples, no percentile", () => assert.ok(Number.isNaN(new Samples().percentile(0.5))));
