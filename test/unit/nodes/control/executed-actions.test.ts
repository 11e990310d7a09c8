import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ExecutedActions } from "../../../../src/nodes/control/executed-actions.ts";
import { meanActionInFlight } from "../../../../src/nodes/control/in-flight-action.ts";

const REST = Float32Array.of(0.5);
const HOLD_NS = 15;

function meanOf(executed: ExecutedActions, fromNs: number, toNs: number): number {
  const out = new Float32Array(1);
  executed.meanInto(fromNs, toNs, out);
  return out[0]!;
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-5, `${actual} is not ${expected}`);
}

test("the mean weighs each command by the time it was in force", () => {
  const executed = new ExecutedActions(REST, HOLD_NS);
  executed.append(0, [1]);
  executed.append(10, [-1]);
  executed.append(20, [0]);
  near(meanOf(executed, 0, 10), 1);
  near(meanOf(executed, 5, 20), (5 * 1 + 10 * -1) / 15);
});

test("before the first command, in a gap and after the newest the robot rests", () => {
  const executed = new ExecutedActions(REST, HOLD_NS);
  near(meanOf(executed, 0, 10), 0.5);
  executed.append(100, [1]);
  executed.append(200, [1]);
  near(meanOf(executed, 0, 100), 0.5);
  near(meanOf(executed, 100, 200), 0.15 * 1 + 0.85 * 0.5);
  near(meanOf(executed, 200, 230), 0.5 * 1 + 0.5 * 0.5);
});

test("an action that is not finite was no command: the one before holds, or the robot rests", () => {
  const executed = new ExecutedActions(REST, HOLD_NS);
  executed.append(0, [Number.NaN]);
  near(meanOf(executed, 0, 10), 0.5);
  executed.append(10, [1]);
  executed.append(20, [Number.POSITIVE_INFINITY]);
  near(meanOf(executed, 10, 25), 1);
});

test("an empty or reversed interval has the rest action, a command from the past is ignored", () => {
  const executed = new ExecutedActions(REST, HOLD_NS);
  executed.append(100, [1]);
  executed.append(90, [-1]);
  executed.append(Number.NaN, [-1]);
  near(meanOf(executed, 100, 100), 0.5);
  near(meanOf(executed, 110, 100), 0.5);
  near(meanOf(executed, 100, 110), 1);
});

test("the ring gives the same mean as the whole history while the interval lies within it", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ afterNs: fc.integer({ min: 1, max: 30 }), value: fc.double({ min: -1, max: 1, noNaN: true }) }),
        {
          minLength: 8,
          maxLength: 60,
        },
      ),
      (commands) => {
        const ring = new ExecutedActions(REST, HOLD_NS, 8);
        const whole = new ExecutedActions(REST, HOLD_NS, 64);
        const times: number[] = [];
        let nowNs = 0;
        for (const { afterNs, value } of commands) {
          nowNs += afterNs;
          times.push(nowNs);
          ring.append(nowNs, [value]);
          whole.append(nowNs, [value]);
        }
        near(meanOf(ring, times.at(-8)!, nowNs + 20), meanOf(whole, times.at(-8)!, nowNs + 20));
      },
    ),
    { seed: 6 },
  );
});

test("in flight: executed commands up to the newest, the plan's steps from there on", () => {
  const executed = new ExecutedActions(REST, 10);
  executed.append(0, [1]);
  executed.append(10, [1]); // in force until 20
  const plan = { actions: Float32Array.of(-1, 0.4), horizon: 2, startNs: 10, stepPeriodNs: 20 };
  const out = new Float32Array(1);
  const scratch = new Float32Array(1);
  meanActionInFlight(executed, plan, 0, 50, out, scratch);
  near(out[0]!, (20 * 1 + 10 * -1 + 20 * 0.4) / 50);
  meanActionInFlight(executed, undefined, 0, 40, out, scratch);
  near(out[0]!, (20 * 1 + 20 * 0.5) / 40);
});
