import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTROL_STATUS, type ControlStatus } from "../../../../src/core/status.ts";
import type { TickMessage } from "../../../../src/messages/index.ts";
import { YieldRule } from "../../../../src/nodes/trainer/yield-rule.ts";

const MS = 1e6;
const S = 1e9;
const OPTIONS = { commandRateHz: 100, minFreeBytes: 100e6, maxLoadPerCore: 2 };
const STATUSES = Object.keys(CONTROL_STATUS) as ControlStatus[];

/** A tick that was due at `deadlineMs` and began so much later. */
function tick(deadlineMs: number, lateMs = 0.1, status: ControlStatus = "tracking"): TickMessage {
  const deadline_ns = deadlineMs * MS;
  return { deadline_ns, begin_ns: deadline_ns + lateMs * MS, status: STATUSES.indexOf(status) } as TickMessage;
}

test("it works while ticks are in time, one after another", () => {
  const rule = new YieldRule(OPTIONS);
  for (let i = 0; i < 100; i++) rule.onTick(tick(10 * i, 4.9), 10 * i * MS);
  assert.equal(rule.reason(S), undefined);
  assert.equal(rule.count, 0);
});

test("it rests for a second after a tick that began half a period late, one that was missed, and a late plan", () => {
  for (const [sign, reason] of [
    [tick(10, 5.1), "a tick of the control loop was late"],
    [tick(20, 0.1), "a tick of the control loop was missed"],
    [tick(10, 0.1, "coasting"), "a plan came too late"],
  ] as const) {
    const rule = new YieldRule(OPTIONS);
    rule.onTick(tick(0), 0);
    rule.onTick(sign, 0);
    assert.equal(rule.reason(0.99 * S), reason);
    assert.equal(rule.reason(1.01 * S), undefined);
  }
});

test("a disarmed or held robot is no reason to rest", () => {
  const rule = new YieldRule(OPTIONS);
  for (const status of ["disarmed", "halting", "holding", "estopped"] as const) rule.onTick(tick(0, 0.1, status), 0);
  assert.equal(rule.reason(0), undefined);
});

test("signs that keep coming make rests longer, up to 16 s; calm makes them short again", () => {
  const rule = new YieldRule(OPTIONS);
  let nowNs = 0;
  const lengths = [];
  for (let i = 0; i < 6; i++) {
    rule.onMachine({ freeBytes: 0, loadPerCore: 0 }, nowNs);
    const beganNs = nowNs;
    while (rule.reason(nowNs) !== undefined) nowNs += 0.5 * S;
    lengths.push((nowNs - beganNs) / S);
  }
  assert.deepEqual(lengths, [1, 2, 4, 8, 16, 16]);
  rule.onMachine({ freeBytes: 0, loadPerCore: 0 }, nowNs + 11 * S);
  assert.equal(rule.reason(nowNs + 12.5 * S), undefined);
});

test("it rests while memory or cores run short", () => {
  const rule = new YieldRule(OPTIONS);
  rule.onMachine({ freeBytes: 99e6, loadPerCore: 0 }, 0);
  assert.equal(rule.reason(0), "99 MB of memory are free");
  rule.onMachine({ freeBytes: 1e9, loadPerCore: 2.1 }, 0);
  assert.equal(rule.reason(0), "the machine's load is 2.1 per core");
});
