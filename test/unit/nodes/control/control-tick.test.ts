import assert from "node:assert/strict";
import { test } from "node:test";
import { RUNGS } from "../../../../src/core/plan.ts";
import { twoJoints } from "../../safety/robots.ts";
import { ControlRig, planAt, SETUP } from "./control-rig.ts";

function expect(rig: ControlRig, status: string, cause: string): void {
  assert.deepEqual([rig.status, rig.cause], [status, cause]);
}

test("an armed loop follows the plan and records where each command comes from", () => {
  const rig = new ControlRig().running();
  expect(rig, "tracking", "none");
  const { record } = rig;
  assert.equal(record.get("hasCommand"), 1);
  assert.equal(RUNGS[record.get("rung")], "mpc");
  assert.equal(record.get("planId"), 6);
  assert.equal(record.modelHash, "0123456789abcdef");
  assert.equal(record.observationStampNs, 6n * 1_000_000_007n);
  assert.equal(record.get("planAgeNs"), 0);
  assert.ok(Math.abs(record.executedAction[0]! - 0.5) < 1e-6 && Math.abs(record.executedAction[1]! - 0.2) < 1e-6);
  assert.deepEqual([...record.command], [...rig.actual]);
  assert.ok(Math.abs(record.requested[0]! - rig.actual[0]!) < 1e-7);
});

test("before arming nothing is sent and the executed action is rest", () => {
  const rig = new ControlRig();
  rig.run(20);
  expect(rig, "disarmed", "none");
  assert.equal(rig.record.get("hasCommand"), 0);
  assert.deepEqual([...rig.record.executedAction], [0, 0]);
});

test("a late plan: the rest of the last one, then a smooth halt, then on again by itself", () => {
  const rig = new ControlRig().running();
  const { planner } = rig;
  rig.planner = undefined;
  const seen: string[] = [];
  rig.run(70, () => {
    if (seen.at(-1) !== rig.status) seen.push(rig.status);
  });
  assert.deepEqual(seen, ["tracking", "coasting", "halting", "holding"]);
  expect(rig, "holding", "plan-stale");
  assert.equal(RUNGS[rig.record.get("rung")], "hold");
  rig.planner = planner;
  rig.run(20);
  expect(rig, "tracking", "none");
});

test("plans that hold a NaN or another number of actions are not followed, and name the cause of the halt", () => {
  for (const bad of [[[0.5, Number.NaN]], [[0.5]], Array(9).fill([0, 0])] as number[][][]) {
    const rig = new ControlRig().running();
    rig.planner = (id) => planAt(id, rig.nowNs, bad);
    rig.run(30);
    expect(rig, "coasting", "none");
    rig.run(60);
    expect(rig, "holding", "plan-invalid");
  }
});

test("joint states that go silent halt the robot, and it waits to be armed", () => {
  const rig = new ControlRig().running();
  rig.robotAnswers = false;
  rig.run(40);
  expect(rig, "holding", "joint-state-stale");
  rig.robotAnswers = true;
  rig.run(20);
  expect(rig, "holding", "joint-state-stale");
});

test("an operator who falls silent halts the robot", () => {
  const rig = new ControlRig().running();
  rig.operatorBeats = false;
  rig.run(80);
  expect(rig, "holding", "deadman");
});

test("a clock that jumps either way halts the robot without a jump of the command", () => {
  for (const jumpNs of [3600e9, -3600e9]) {
    const rig = new ControlRig().running();
    const before = [...rig.actual];
    rig.nowNs += jumpNs;
    rig.run(1);
    expect(rig, "halting", "clock-jump");
    assert.ok(Math.abs(rig.actual[0]! - before[0]!) <= 2 * 0.01);
    rig.run(40);
    expect(rig, "holding", "clock-jump");
  }
});

test("a halt asked for in any tick of a motion ends at rest within the braking time", () => {
  for (let ticks = 1; ticks <= 60; ticks++) {
    const rig = new ControlRig();
    rig.run(1);
    void rig.operator.request("arm", 0);
    rig.run(ticks);
    rig.operator.setHalt("shutdown");
    let before = [...rig.actual];
    rig.run(40, () => {
      assert.ok(Math.abs(rig.actual[0]! - before[0]!) <= 2 * 0.01 + 1e-9);
      before = [...rig.actual];
    });
    expect(rig, "holding", "shutdown");
  }
});

test("an emergency stop that is released before the next tick latches, until a reset", () => {
  const rig = new ControlRig().running();
  rig.operator.setEstop(true);
  rig.operator.setEstop(false);
  rig.run(1);
  expect(rig, "halting", "estop");
  rig.run(40);
  expect(rig, "estopped", "estop");
  void rig.operator.request("arm", 0);
  rig.run(2);
  expect(rig, "estopped", "estop");
  void rig.operator.request("resetEstop", 0);
  rig.run(2);
  expect(rig, "disarmed", "none");
});

test("an emergency stop that was pressed and released before the first tick latches", () => {
  const rig = new ControlRig();
  rig.operator.setEstop(true);
  rig.operator.setEstop(false);
  rig.run(2);
  expect(rig, "estopped", "estop");
});

test("an error inside a tick brakes the robot and is kept; the tick does not throw", () => {
  let fails = false;
  const rig = new ControlRig(SETUP).running();
  const { nowNs } = rig;
  Object.defineProperty(rig, "nowNs", {
    get: () => {
      if (fails) {
        fails = false;
        throw new Error("no clock");
      }
      return nowNs;
    },
  });
  fails = true;
  rig.tick.run(nowNs, nowNs);
  assert.match(String(rig.tick.failure), /no clock/);
  rig.tick.run(nowNs, nowNs);
});

test("the command of a velocity interface is the velocity", () => {
  const robot = twoJoints("velocity");
  const rig = new ControlRig({ ...SETUP, safety: { ...SETUP.safety, robot } });
  rig.robotAnswers = false;
  const still = () =>
    rig.joints.write({
      positions: new Float64Array(2),
      velocities: new Float64Array(2),
      stampNs: 0n,
      arrivalNs: rig.nowNs,
    });
  rig.run(11, still);
  void rig.operator.request("arm", 0);
  rig.run(40, still);
  expect(rig, "tracking", "none");
  assert.ok(Math.abs(rig.record.command[0]! - 0.5) < 1e-6);
});

test("a tick leaves next to nothing to the garbage collector", () => {
  const rig = new ControlRig().running();
  const ticks = 5000;
  const bytesPerTick = Array.from({ length: 9 }, () => {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < ticks; i++) rig.tick.run(rig.nowNs, rig.nowNs);
    return (process.memoryUsage().heapUsed - before) / ticks;
  });
  // The median of rounds, because one may hold a collection and the first ones run before the compiler is done. What is
  // left are a few numbers that functions return boxed.
  const median = bytesPerTick.sort((a, b) => a - b)[4]!;
  assert.ok(median < 200, `${median} bytes per tick`);
});
