import assert from "node:assert/strict";
import { test } from "node:test";
import { studentQuantile } from "../../../src/math/student-quantile.ts";

/** Degrees of freedom, probability, quantile: by numerical integration of the density (Simpson, 20 000 parts) and bisection. */
const EXPECTED = [
  [4, 0.9995, 8.610302],
  [4, 0.99, 3.746947],
  [8, 0.9992, 4.671212],
  [8, 0.95, 1.859548],
  [30, 0.9995, 3.645959],
  [30, 0.95, 1.697261],
] as const;

test("quantiles of Student's distribution agree with its integrated density to the stated 3 %, and to 0.1 % from 8 degrees of freedom on", () => {
  for (const [freedom, probability, quantile] of EXPECTED) {
    for (const sign of [1, -1]) {
      const found = studentQuantile(sign > 0 ? probability : 1 - probability, freedom);
      const error = Math.abs(found / (sign * quantile) - 1);
      assert.ok(error < (freedom < 8 ? 0.03 : 1e-3), `${freedom}, ${probability}: ${found}`);
    }
  }
});
