import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopRig } from "./loop-rig.ts";

test("a joint state that is not finite makes no observation and is counted; the next one is stepped from", async () => {
  const rig = new LoopRig();
  await rig.see();
  await rig.see([0, Number.NaN]);
  await rig.see([Number.POSITIVE_INFINITY, 0]);
  assert.equal(rig.steps, 1);
  assert.equal(rig.diagnosis.values.not_finite, 2);
  await rig.see();
  assert.equal(rig.steps, 2);
});
