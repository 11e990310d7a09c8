import assert from "node:assert/strict";
import { test } from "node:test";
import { RateMeter } from "../../../src/core/rate-meter.ts";

test("a rate is counted from one report to the next; reports in quick succession say the same", () => {
  let nowNs = 0;
  const meter = new RateMeter({ monotonicNs: () => nowNs, rosNs: () => 0n });
  for (let i = 0; i < 30; i++) meter.count();
  nowNs = 1e9;
  assert.equal(meter.report(), 30);
  meter.count();
  nowNs += 0.1e9;
  assert.equal(meter.report(), 30);
  nowNs += 1.9e9;
  assert.equal(meter.report(), 0.5);
});
