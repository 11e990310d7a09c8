import assert from "node:assert/strict";
import { test } from "node:test";
import { runDeadlineLoop } from "../../../../src/nodes/control/deadline-loop.ts";
import { LoopStatistics } from "../../../../src/nodes/control/loop-statistics.ts";

const PERIOD_NS = 10e6;

interface Disturbance {
  readonly lateNs?: number;
  readonly tickNs?: number;
  readonly cpuNs?: number;
}

/** Runs `count` ticks on a clock that only sleeping and ticking move. */
function run(count: number, disturbances: Readonly<Record<number, Disturbance>>) {
  const statistics = new LoopStatistics();
  const deadlines: number[] = [];
  let nowNs = 1e9;
  let cpuNs = 0;
  runDeadlineLoop({
    rateHz: 100,
    statistics,
    nowNs: () => nowNs,
    sleepUntil: (deadlineNs) => {
      nowNs = Math.max(nowNs, deadlineNs) + (disturbances[deadlines.length]?.lateNs ?? 50e3);
    },
    threadCpuNs: () => cpuNs,
    tick: (deadlineNs) => {
      const { tickNs = 20e3, cpuNs: usedNs = tickNs } = disturbances[deadlines.length] ?? {};
      nowNs += tickNs;
      cpuNs += usedNs;
      deadlines.push(deadlineNs);
    },
    shouldStop: () => deadlines.length === count,
  });
  const slots = deadlines.map((deadlineNs) => Math.round((deadlineNs - deadlines[0]!) / PERIOD_NS));
  return { slots, report: statistics.report() };
}

test("deadlines stay on the grid however late single ticks are", () => {
  const { slots, report } = run(6, { 2: { lateNs: 7e6 } });
  assert.deepEqual(slots, [0, 1, 2, 3, 4, 5]);
  assert.equal(report.missed, 0);
  assert.ok(Math.abs(report.lateness_us.max - 7000) < 1 && report.lateness_us.p50 < 55);
});

test("deadlines that passed are skipped and counted, never made up for", () => {
  const { slots, report } = run(5, { 1: { lateNs: 23e6 } });
  assert.deepEqual(slots, [0, 1, 4, 5, 6]);
  assert.deepEqual([report.ticks, report.missed], [5, 2]);
});

test("overruns are counted by what took the time", () => {
  const { report } = run(9, {
    1: { lateNs: 15e6 },
    3: { tickNs: 12e6 },
    5: { tickNs: 25e6, cpuNs: 1e6 },
    7: { tickNs: 9.96e6 },
  });
  assert.deepEqual(report.overruns, { wokeLate: 1, ranLong: 2, preempted: 1 });
  assert.equal(report.missed, 1 + 1 + 2 + 1);
});
