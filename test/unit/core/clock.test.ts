import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { systemClock } from "../../../src/core/clock.ts";

/** Of a fresh thread: how far its clock is from CLOCK_MONOTONIC, in the tightest of many brackets. */
const program = `
import { parentPort, workerData } from "node:worker_threads";
const { systemClock } = await import(workerData);
const clock = systemClock();
let tightest = Infinity;
let offsetNs = 0;
for (let i = 0; i < 1000; i++) {
  const before = process.hrtime.bigint();
  const nowNs = clock.monotonicNs();
  const after = process.hrtime.bigint();
  if (Number(after - before) >= tightest) continue;
  tightest = Number(after - before);
  offsetNs = nowNs - Number(before + after) / 2;
}
parentPort.postMessage(offsetNs);
`;

test("every thread's monotonic clock is the machine's, to a few microseconds", async () => {
  const workerData = new URL("../../../src/core/clock.js", import.meta.url).href;
  const source = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(source, { workerData });
    const offsetNs = await new Promise<number>((resolve, reject) => worker.on("message", resolve).on("error", reject));
    assert.ok(Math.abs(offsetNs) < 10_000, `thread ${i} is ${offsetNs} ns off`);
  }
});

test("the monotonic clock never goes back", () => {
  const clock = systemClock();
  let lastNs = clock.monotonicNs();
  for (let i = 0; i < 1000; i++) {
    const nowNs = clock.monotonicNs();
    assert.ok(nowNs >= lastNs);
    lastNs = nowNs;
  }
});
