import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { partitionPoint } from "../../../src/math/partition-point.ts";

test("of ascending values it counts those up to a limit, as counting them one by one does", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -9, max: 9 })), fc.integer({ min: -10, max: 10 }), (values, limit) => {
      values.sort((a, b) => a - b);
      const count = partitionPoint(values.length, (i) => values[i]! <= limit);
      assert.equal(count, values.filter((value) => value <= limit).length);
    }),
  );
});
