import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance, nearestKey } from "../../../src/config/nearest-key.ts";

test("one slip of the fingers is a distance of one", () => {
  for (const slip of ["horizn", "horizzon", "horixon", "hroizon"]) assert.equal(editDistance(slip, "horizon"), 1, slip);
});

test("the distance is zero only between equal words and the same both ways", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
      assert.equal(editDistance(a, b) === 0, a === b);
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
    }),
  );
});

test("a key in ROS spelling finds its camel-case name", () => {
  assert.equal(nearestKey("command_rate_hz", ["policyRateHz", "commandRateHz"]), "commandRateHz");
});

test("a key unlike all others has no nearest one", () => {
  assert.equal(nearestKey("colour", ["maxAgeMs", "horizon"]), undefined);
  assert.equal(nearestKey("x", []), undefined);
});
