import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CommandInterface } from "../../../src/core/robot.ts";
import { type Evidence, SafetyGate } from "../../../src/safety/index.ts";
import { optionsFor, PERIOD_NS, twoJoints, wellAt } from "./robots.ts";

/** Room for rounding of sums of a few thousand steps. */
const EPSILON = 1e-9;
const PERIOD_S = 0.01;

const wild = fc.oneof(
  { weight: 4, arbitrary: fc.double({ min: -3, max: 3, noNaN: true }) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e300, -1e300, 0, -0) },
);
const wildVector = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(wild, wild) },
  { weight: 1, arbitrary: fc.array(wild, { maxLength: 4 }) },
);
const wildStamp = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e18, -1e18) },
  { weight: 2, arbitrary: fc.double({ min: -1e9, max: 1e9, noNaN: true }) },
);

/** One tick's disturbance of evidence that would otherwise be in order. */
interface Disturbance {
  readonly ticks: number;
  readonly requested: readonly number[];
  readonly change: (evidence: Evidence) => void;
  readonly operator: "arm" | "reset" | "none";
}

const change: fc.Arbitrary<(evidence: Evidence) => void> = fc.oneof(
  { weight: 12, arbitrary: fc.constant(() => {}) },
  { weight: 1, arbitrary: wildVector.map((v) => (e: Evidence) => void (e.positions = Float64Array.from(v))) },
  { weight: 1, arbitrary: wildVector.map((v) => (e: Evidence) => void (e.velocities = Float64Array.from(v))) },
  { weight: 1, arbitrary: wildStamp.map((t) => (e: Evidence) => void (e.nowNs += t)) },
  { weight: 1, arbitrary: wildStamp.map((t) => (e: Evidence) => void (e.jointStateArrivalNs += t)) },
  { weight: 1, arbitrary: wildStamp.map((t) => (e: Evidence) => void (e.planArrivalNs += t)) },
  { weight: 1, arbitrary: wildStamp.map((t) => (e: Evidence) => void (e.heartbeatNs += t)) },
  { weight: 1, arbitrary: wild.map((s) => (e: Evidence) => void (e.surprise = s)) },
  { weight: 1, arbitrary: fc.constant((e: Evidence) => void (e.estop = true)) },
  { weight: 1, arbitrary: fc.constant((e: Evidence) => void (e.haltRequest = "operator")) },
);

const disturbances: fc.Arbitrary<Disturbance[]> = fc.array(
  fc.record({
    ticks: fc.integer({ min: 1, max: 60 }),
    requested: wildVector,
    change,
    operator: fc.constantFrom("arm", "arm", "reset", "none"),
  }),
  { minLength: 1, maxLength: 40 },
);

interface Sent {
  readonly values: Float64Array;
  /** The first after the gate was armed. */
  readonly first: boolean;
  /** What was measured when the gate was armed. */
  readonly armedAt: Float64Array;
}

/** Runs the gate against a robot that follows every command at once, and hands each command to `onCommand`. */
function drive(
  gate: SafetyGate,
  commandInterface: CommandInterface,
  plan: Disturbance[],
  onCommand: (sent: Sent) => void,
) {
  const actual = [0.2, -0.1];
  let nowNs = 1e12;
  let first = true;
  let armedAt: Float64Array = new Float64Array();
  for (const { ticks, requested, change, operator } of plan) {
    for (let tick = 0; tick < ticks; tick++) {
      nowNs += PERIOD_NS;
      const evidence = wellAt(nowNs, actual);
      change(evidence);
      const command = gate.pass(evidence, Float64Array.from(requested));
      if (command) {
        onCommand({ values: command.values, first, armedAt });
        first = false;
        for (let j = 0; j < actual.length; j++) {
          if (commandInterface === "position") actual[j] = command.values[j]!;
          else actual[j] = actual[j]! + command.values[j]! * PERIOD_S;
        }
      } else {
        first = true;
      }
      if (operator === "arm" && gate.arm(evidence) === "none" && first) armedAt = evidence.positions;
      if (operator === "reset") gate.resetEstop(evidence);
    }
  }
  return actual;
}

test("no input whatever makes a position command leave the limits, step too far or change speed too fast", () => {
  const robot = twoJoints("position");
  let commands = 0;
  fc.assert(
    fc.property(disturbances, (plan) => {
      const gate = new SafetyGate(optionsFor(robot, { softStartMs: 50 }));
      const position = [0, 0];
      const velocity = [0, 0];
      drive(gate, "position", plan, ({ values, first, armedAt }) => {
        commands++;
        for (const [j, { limits }] of robot.joints.entries()) {
          const value = values[j]!;
          assert.ok(value >= limits.lower && value <= limits.upper, `joint ${j} at ${value}`);
          if (first) {
            assert.ok(Math.abs(value - armedAt[j]!) <= 0.05 + EPSILON, "snap on arming");
            velocity[j] = 0;
          } else {
            const speed = (value - position[j]!) / PERIOD_S;
            assert.ok(Math.abs(speed) <= limits.velocity + EPSILON, `joint ${j} moves at ${speed}`);
            const acceleration = (speed - velocity[j]!) / PERIOD_S;
            assert.ok(
              Math.abs(acceleration) <= limits.acceleration + 1e-6,
              `joint ${j} accelerates at ${acceleration}`,
            );
            velocity[j] = speed;
          }
          position[j] = value;
        }
      });
    }),
    { seed: 1, numRuns: 400 },
  );
  assert.ok(commands > 1000, `only ${commands} commands left the gate: the property was hardly tried`);
});

test("no input whatever makes a velocity command exceed its limit or change too fast", () => {
  const robot = twoJoints("velocity");
  fc.assert(
    fc.property(disturbances, (plan) => {
      const gate = new SafetyGate(optionsFor(robot, { softStartMs: 50 }));
      const velocity = [0, 0];
      drive(gate, "velocity", plan, ({ values }) => {
        for (const [j, { limits }] of robot.joints.entries()) {
          const value = values[j]!;
          assert.ok(Math.abs(value) <= limits.velocity, `joint ${j} at ${value}`);
          assert.ok(Math.abs(value - velocity[j]!) <= limits.acceleration * PERIOD_S + EPSILON, `joint ${j}: step`);
          velocity[j] = value;
        }
      });
    }),
    { seed: 2, numRuns: 400 },
  );
});

test("a velocity-controlled robot that is measured truly stays inside its position limits", () => {
  const robot = twoJoints("velocity");
  const requests = fc.array(
    fc.record({
      ticks: fc.integer({ min: 1, max: 200 }),
      requested: wildVector,
      change: fc.constant(() => {}),
      operator: fc.constant("arm" as const),
    }),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(requests, (plan) => {
      const gate = new SafetyGate(optionsFor(robot, { softStartMs: 50 }));
      const position = [0.2, -0.1];
      drive(gate, "velocity", plan, ({ values }) => {
        for (const [j, { limits }] of robot.joints.entries()) {
          position[j] = position[j]! + values[j]! * PERIOD_S;
          assert.ok(position[j]! >= limits.lower - EPSILON && position[j]! <= limits.upper + EPSILON);
        }
      });
    }),
    { seed: 3, numRuns: 200 },
  );
});
