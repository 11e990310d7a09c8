import assert from "node:assert/strict";
import { test } from "node:test";
import { LatentloopError } from "../../../../src/core/errors.ts";
import { Revival } from "../../../../src/nodes/world-model/revival.ts";

function rig() {
  const waitsMs: number[] = [];
  const lines: string[] = [];
  const say = (message: string) => lines.push(message);
  const revival = new Revival({
    clock: { monotonicNs: () => 0, rosNs: () => 0n },
    log: { debug: say, info: say, warn: say, error: say },
    wait: async (ms) => void waitsMs.push(ms),
  });
  return { revival, waitsMs, lines };
}

test("a thread that ends each time is started again five times a minute, each time after twice the wait", async () => {
  const { revival, waitsMs, lines } = rig();
  const model = { revive: () => Promise.reject(new Error("no device")) };
  for (let i = 0; i < 7; i++) assert.equal(await revival.revive(model), false);
  assert.deepEqual(waitsMs, [100, 200, 400, 800, 1600]);
  assert.deepEqual(lines, new Array(5).fill("The inference thread could not be started again: no device"));
});

test("a model that was closed in the meantime is left alone", async () => {
  const { revival, lines } = rig();
  const closed = new LatentloopError("ERR_INFERENCE_CLOSED", "The inference engine was closed.");
  assert.equal(await revival.revive({ revive: () => Promise.reject(closed) }), false);
  assert.deepEqual(lines, []);
});
