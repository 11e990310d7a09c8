import assert from "node:assert/strict";
import { test } from "node:test";
import { SwappingLoop } from "../../support/swapping-loop.ts";

test("when the loop halts for want of good plans under watch, the old model is back by itself", async (t) => {
  const loop = await SwappingLoop.start({ watchSeconds: 3600 });
  t.after(() => loop.remove());
  const before = (await loop.models.live())!;
  const candidate = await loop.propose("second", (manifest) => {
    manifest.training.seed = 1001;
  });
  await loop.call("world_model/promote");
  await loop.until("watching", () => loop.state.startsWith("watching"));
  await loop.call("robot/stop_cameras");
  await loop.untilLast("rolled-back");
  const last = (await loop.models.ledger()).events.at(-1)!;
  assert.ok(last.event === "rolled-back" && /watch-halt/.test(last.reason), JSON.stringify(last));
  assert.deepEqual(await loop.models.live(), before);
  await loop.call("robot/heal");
  loop.plans.length = 0;
  await loop.until("planning", () => loop.plans.length > 2);
  assert.ok(loop.plans.every(({ model }) => model === before.hash && model !== candidate));
});
