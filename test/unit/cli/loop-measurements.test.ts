import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopMeasurements } from "../../../src/cli/demo/loop-measurements.ts";
import { renderLoop } from "../../../src/cli/demo/render-loop.ts";
import { LIMIT_BITS } from "../../../src/core/status.ts";
import { makeEpisodeEvent, makeHeader, type TickMessage, timeFromNs } from "../../../src/messages/index.ts";

const MS = 1e6;
const tick = (index: number, changes: Partial<TickMessage> = {}): TickMessage => ({
  header: makeHeader(BigInt(index * 10) * 1_000_000n),
  tick: BigInt(index),
  deadline_ns: index * 10 * MS,
  begin_ns: index * 10 * MS + 20e3,
  command_ns: index * 10 * MS + 50e3,
  status: 1,
  halt_cause: 0,
  rung: 0,
  limit_bits: 0,
  plan_id: 1n,
  model_hash: "",
  observation_stamp: timeFromNs(0n),
  joint_state_age_ns: 0,
  plan_age_ns: 0,
  requested: new Float64Array(1),
  command: new Float64Array(1),
  executed_action: new Float32Array(1),
  ...changes,
});

test("a gap between deadlines counts as missed ticks and lateness counts from the deadline", () => {
  const measured = new LoopMeasurements(100);
  for (const index of [1, 2, 3, 7, 8]) measured.onTick(tick(index));
  assert.equal(measured.missedTicks, 3);
  assert.equal(measured.ticks, 5);
  assert.equal(measured.latenessUs.max, 20);
});

test("latency is counted once a plan, from the capture to its first command", () => {
  const measured = new LoopMeasurements(100);
  measured.onTick(tick(3, { observation_stamp: timeFromNs(5_000_000n) }));
  measured.onTick(tick(4, { observation_stamp: timeFromNs(5_000_000n) }));
  assert.equal(measured.cameraToCommandMs.count, 1);
  assert.equal(measured.cameraToCommandMs.max, 25);
});

test("limits are counted by name", () => {
  const measured = new LoopMeasurements(100);
  measured.onTick(tick(1, { limit_bits: LIMIT_BITS.velocity | LIMIT_BITS.acceleration }));
  measured.onTick(tick(2, { limit_bits: LIMIT_BITS.velocity }));
  assert.deepEqual([measured.limits.velocity, measured.limits.acceleration, measured.limits.position], [2, 1, 0]);
});

test("an episode's return is the sum of its rewards and its success is the last one", () => {
  const measured = new LoopMeasurements(100);
  for (const success of [true, false]) {
    measured.onEpisode(makeEpisodeEvent("begin", 0n));
    measured.onEpisode(makeEpisodeEvent("step", 0n, { reward: -2, success: true }));
    measured.onEpisode(makeEpisodeEvent("end", 0n, { reward: -1, success, step: 2 }));
  }
  assert.deepEqual([measured.meanReturn, measured.successRate], [-3, 0.5]);
  assert.match(renderLoop("demo", 4, measured).join("\n"), /success +1 of 2 +●○/);
});
