import assert from "node:assert/strict";
import { test } from "node:test";
import { EstopLatch } from "../../../../src/nodes/control/estop-latch.ts";
import type { ArmRefusal } from "../../../../src/safety/index.ts";

/** What a loop that begins now is told. */
function shown(latch: EstopLatch): boolean[] {
  const words: boolean[] = [];
  latch.show({ setEstop: (pressed) => void words.push(pressed) });
  return words;
}

const answering = (refusal: ArmRefusal) => ({ resetEstop: async () => refusal });

test("a press is shown to every loop that begins, also after the release, until a loop grants a reset", async () => {
  const latch = new EstopLatch();
  assert.deepEqual(shown(latch), [false]);
  latch.set(true);
  assert.deepEqual(shown(latch), [true, true]);
  latch.set(false);
  assert.deepEqual(shown(latch), [true, false]);
  assert.equal(await latch.reset(answering("moving")), "moving");
  assert.deepEqual(shown(latch), [true, false]);
  assert.equal(await latch.reset(answering("none")), "none");
  assert.deepEqual(shown(latch), [false]);
});

test("a press that comes while the loop answers a reset is not forgotten", async () => {
  const latch = new EstopLatch();
  latch.set(true);
  latch.set(false);
  const granted = latch.reset(answering("none"));
  latch.set(true);
  latch.set(false);
  await granted;
  assert.deepEqual(shown(latch), [true, false]);
});
