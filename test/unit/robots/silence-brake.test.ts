import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SilenceBrake } from "../../../src/robots/index.ts";
import { twoJoints } from "../safety/robots.ts";

const RATE_HZ = 100;
const PERIOD_NS = 1e9 / RATE_HZ;
/** Joints of 5 and 20 rad/s². */
const STEPS = [5 / RATE_HZ, 20 / RATE_HZ];

function brake() {
  let nowNs = 1e9;
  const made = new SilenceBrake(twoJoints("velocity"), RATE_HZ, 5 * PERIOD_NS);
  const sent: number[][] = [];
  const keep = (velocities: Float64Array | undefined) => velocities && void sent.push([...velocities]);
  return {
    made,
    sent,
    /** A period with a command, or without. */
    period(command?: readonly number[]) {
      nowNs += PERIOD_NS;
      if (command !== undefined) keep(made.pass(command, nowNs));
      keep(made.tick(nowNs));
    },
  };
}

test("commands pass as they are, and nothing is sent beside them or in a short pause", () => {
  const { sent, period } = brake();
  period([1, -1]);
  for (let i = 0; i < 5; i++) period();
  period([-1, 1]);
  assert.deepEqual(sent, [
    [1, -1],
    [-1, 1],
  ]);
});

test("after more than the silence the velocities fall to 0 by the joints' accelerations, then nothing is sent", () => {
  const { made, sent, period } = brake();
  period([0.12, -0.3]);
  for (let i = 0; i < 20; i++) period();
  const rounded = sent.map((velocities) => velocities.map((velocity) => Math.round(velocity * 1e9) / 1e9));
  assert.deepEqual(rounded, [
    [0.12, -0.3],
    [0.07, -0.1],
    [0.02, 0],
    [0, 0],
  ]);
  assert.ok(made.isAtRest);
});

test("a robot that was told to rest gets nothing more", () => {
  const { sent, period } = brake();
  period([0.5, 0]);
  period([0, 0]);
  for (let i = 0; i < 20; i++) period();
  assert.equal(sent.length, 2);
});

test("from the first silence on, velocities change by no more than acceleration · period until a command is reached", () => {
  const command = fc.tuple(fc.double({ min: -2, max: 2, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true }));
  fc.assert(
    fc.property(command, fc.integer({ min: 6, max: 60 }), command, (first, pause, second) => {
      const { made, sent, period } = brake();
      period(first);
      for (let i = 0; i < pause; i++) period();
      for (let i = 0; i < 100; i++) period(second);
      assert.deepEqual(sent.at(-1), second);
      assert.equal(made.isBraking, false);
      if (first.every((velocity) => velocity === 0)) return;
      for (let i = 1; i < sent.length; i++) {
        for (const [j, step] of STEPS.entries()) {
          assert.ok(Math.abs(sent[i]![j]! - sent[i - 1]![j]!) <= step + 1e-9, `message ${i}, joint ${j}`);
        }
      }
    }),
  );
});

test("a value that is not finite ends in rest too", () => {
  const { sent, period } = brake();
  period([Number.NaN, 0.1]);
  for (let i = 0; i < 20; i++) period();
  assert.deepEqual(sent.at(-1), [0, 0]);
});
