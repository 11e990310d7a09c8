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
let tightestStamps = Infinity;
let epochNs = 0n;
for (let i = 0; i < 1000; i++) {
  const before = clock.rosNs();
  const monotonicNs = process.hrtime.bigint();
  const after = clock.rosNs();
  if (Number(after - before) >= tightestStamps) continue;
  tightestStamps = Number(after - before);
  epochNs = (before + after) / 2n - monotonicNs;
}
parentPort.postMessage({ offsetNs, epochNs });
`;

interface Report {
  readonly offsetNs: number;
  readonly epochNs: bigint;
}

function startThread(): Worker {
  const workerData = new URL("../../../src/core/clock.js", import.meta.url).href;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), { workerData });
}

function reportOf(worker: Worker): Promise<Report> {
  return new Promise((resolve, reject) => worker.on("message", resolve).on("error", reject));
}

test("every thread's monotonic clock is the machine's, to a few microseconds", async () => {
  for (let i = 0; i < 3; i++) {
    const { offsetNs } = await reportOf(startThread());
    assert.ok(Math.abs(offsetNs) < 10_000, `thread ${i} is ${offsetNs} ns off`);
  }
});

test("stamps of threads are comparable: their ROS clocks agree to a tenth of a millisecond", async () => {
  const reports = await Promise.all([0, 1, 2, 3].map(() => reportOf(startThread())));
  const epochs = reports.map(({ epochNs }) => Number(epochNs - reports[0]!.epochNs));
  for (const differenceNs of epochs) assert.ok(Math.abs(differenceNs) < 100_000, `${differenceNs} ns apart`);
});

test("the ROS clock is the wall clock", () => {
  const clock = systemClock();
  const before = Date.now();
  const nowMs = Number(clock.rosNs()) / 1e6;
  const after = Date.now();
  assert.ok(before - 1000 < nowMs && nowMs < after + 1000, `${nowMs}, between ${before} and ${after}`);
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
