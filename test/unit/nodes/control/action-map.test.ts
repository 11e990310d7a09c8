import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActionSpace } from "../../../../src/core/action.ts";
import { ActionMap } from "../../../../src/nodes/control/action-map.ts";
import { SafetyGate } from "../../../../src/safety/index.ts";
import { optionsFor, PERIOD_NS, twoJoints, wellAt } from "../../safety/robots.ts";

const robot = twoJoints("position");
const elbowVelocity: ActionSpace = { dimensions: [{ name: "elbow", unit: "rad/s", low: -2, high: 2 }] };
const shoulderTarget: ActionSpace = { dimensions: [{ name: "shoulder", unit: "rad", low: -1, high: 1.5 }] };

test("an action reaches its joint by name; a joint without one is asked to stand still", () => {
  const map = new ActionMap(elbowVelocity, robot, 0.01);
  const velocities = Float64Array.of(9, 9);
  map.requestInto(Float32Array.of(0.25), Float64Array.of(0, 0), velocities);
  assert.deepEqual([...velocities], [0, 0.5]);
});

test("executed velocities come back as the action that asked for them", () => {
  const map = new ActionMap(elbowVelocity, robot, 0.01);
  const action = new Float32Array(1);
  map.executedInto(Float64Array.of(0, 0), Float64Array.of(7, 0.5), action);
  assert.deepEqual([...action], [0.25]);
});

test("a position target is reached without overshoot through the gate", () => {
  const map = new ActionMap(shoulderTarget, robot, 0.01);
  const gate = new SafetyGate(optionsFor(robot, { softStartMs: 10 }));
  const requested = new Float64Array(2);
  let actual = [0, 0];
  let highest = 0;
  for (let tick = 0; tick < 200; tick++) {
    const evidence = wellAt(1e12 + tick * PERIOD_NS, actual);
    map.requestInto(Float32Array.of(0.6), gate.borrowPositions, requested); // 1.0 rad
    const command = gate.pass(evidence, requested);
    if (command) actual = [...command.values];
    highest = Math.max(highest, actual[0]!);
    gate.arm(evidence);
  }
  assert.ok(Math.abs(actual[0]! - 1) < 1e-6, `ended at ${actual[0]}`);
  assert.ok(highest < 1 + 1e-6, `overshot to ${highest}`);
});

test("a moving position target is followed without lag", () => {
  const map = new ActionMap(shoulderTarget, robot, 0.01);
  const gate = new SafetyGate(optionsFor(robot, { softStartMs: 10 }));
  const requested = new Float64Array(2);
  let actual = [0, 0];
  let target = 0;
  for (let tick = 0; tick < 200; tick++) {
    const evidence = wellAt(1e12 + tick * PERIOD_NS, actual);
    target = -0.4 * Math.cos(tick / 50) + 0.4;
    map.requestInto(Float32Array.of((2 * (target + 1)) / 2.5 - 1), gate.borrowPositions, requested);
    const command = gate.pass(evidence, requested);
    if (command) actual = [...command.values];
    if (tick > 50) assert.ok(Math.abs(actual[0]! - target) < 1e-3, `tick ${tick}: ${actual[0]} is not ${target}`);
    gate.arm(evidence);
  }
});

test("an action for no joint, for a joint twice or in a unit that no joint takes is refused by name", () => {
  const wrong: [ActionSpace["dimensions"], RegExp][] = [
    [[{ name: "wrist", unit: "rad/s", low: -1, high: 1 }], /shoulder, elbow.*"wrist"/],
    [[elbowVelocity.dimensions[0]!, elbowVelocity.dimensions[0]!], /"elbow" twice/],
    [[{ name: "elbow", unit: "N·m", low: -1, high: 1 }], /"elbow".*N·m/],
  ];
  for (const [dimensions, message] of wrong) {
    assert.throws(() => new ActionMap({ dimensions }, robot, 0.01), { code: "ERR_ACTION_MISMATCH", message });
  }
});
