import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldKeys } from "../../../../src/nodes/teleop/held-keys.ts";

const MS = 1e6;
const TIMES = { tapMs: 200, repeatMs: 150 };

test("a tap counts for tapMs, a key that is repeated for repeatMs after the last repetition", () => {
  const keys = new HeldKeys(TIMES);
  keys.press("up", 0);
  assert.ok(keys.isHeld("up", 199 * MS));
  assert.ok(!keys.isHeld("up", 200 * MS));
  for (let ms = 500; ms <= 800; ms += 33) keys.press("up", ms * MS);
  assert.ok(keys.isHeld("up", 797 * MS + 149 * MS));
  assert.ok(!keys.isHeld("up", 797 * MS + 150 * MS), "nothing more comes: released, or the connection broke");
});

test("where the terminal reports releases a key counts until then, and a second at most when nothing comes any more", () => {
  const keys = new HeldKeys(TIMES);
  keys.press("a", 0);
  keys.release("a");
  assert.ok(!keys.isHeld("a", 1));
  keys.press("a", 1000 * MS);
  assert.ok(keys.isHeld("a", 1900 * MS));
  assert.ok(!keys.isHeld("a", 2000 * MS));
});

test("keys are held independently, and all let go at once", () => {
  const keys = new HeldKeys(TIMES);
  keys.press("a", 0);
  keys.press("up", 0);
  assert.ok(keys.isHeld("a", MS) && keys.isHeld("up", MS) && !keys.isHeld("b", MS));
  keys.releaseAll();
  assert.ok(!keys.isHeld("a", MS) && !keys.isHeld("up", MS));
});
