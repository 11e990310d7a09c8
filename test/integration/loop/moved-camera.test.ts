import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SwappingLoop } from "../../support/swapping-loop.ts";

test("when somebody moved the camera the robot halts and asks, although every single picture is a good one", async (t) => {
  const loop = await SwappingLoop.start({ imageSize: 128, worldModel: { watchScene: true } }); // the model's own camera
  t.after(() => loop.remove());
  assert.equal((await loop.call("robot/move_cameras")).success, true);
  await loop.until("halted", () => loop.status === "holding" && loop.cause === "surprise");
  const refusal = await loop.call("control/arm");
  assert.equal(refusal.success, false);
  assert.match(refusal.message, /surprise/);
  await sleep(500);
  assert.equal(loop.status, "holding", "it does not go on by itself");
});
