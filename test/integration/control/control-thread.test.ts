import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { CONTROL_STATUS, type ControlStatus, HALT_CAUSES } from "../../../src/core/status.ts";
import { deserializeMessage, TICK_EVENTS } from "../../../src/messages/index.ts";
import { ControlHost } from "../../../src/nodes/control/control-host.ts";
import { TickRecord } from "../../../src/nodes/control/tick-record.ts";
import { createRing, RingReader } from "../../../src/transport/shared-ring.ts";
import { planAt } from "../../unit/nodes/control/control-rig.ts";
import { patientSetup } from "./programs/patient-setup.ts";

const setup = patientSetup();
const HALT_NAMES = Object.keys(HALT_CAUSES);

test("the thread runs the loop: ticks in order, commands in the topic's ring, every deadline accounted for, rest at the end", async () => {
  const clock = systemClock();
  const commandRing = createRing({ depth: 1000, maxMessageBytes: 64 });
  const commands = new RingReader(commandRing, { from: "oldest" });
  const actual = new Float64Array(2);
  const ticks: number[] = [];
  const deadlines: number[] = [];
  let withCommand = 0;
  let begun: () => void = () => {};
  const firstCommands = new Promise<void>((resolve) => (begun = resolve));
  const last = new TickRecord(2, 2);

  const host = new ControlHost({
    setup,
    clock,
    commandRing,
    onTick: (record) => {
      ticks.push(record.get("tick"));
      deadlines.push(record.get("deadlineNs"));
      last.bytes.set(record.bytes);
      if (record.get("hasCommand") === 1) {
        actual.set(record.command);
        if (++withCommand === 60) begun();
      }
      feed();
    },
    onError: assert.fail,
    onFailure: assert.fail,
  });
  const feed = () => {
    host.beat();
    host.writeJointState({
      positions: actual,
      velocities: new Float64Array(2),
      stampNs: 0n,
      arrivalNs: clock.monotonicNs(),
    });
  };

  await host.start();
  feed();
  const nowNs = clock.monotonicNs();
  host.writePlan({ ...planAt(1, nowNs, Array(8).fill([0.5, 0.2])), stepPeriodNs: 60e9 }, nowNs);
  assert.equal(await host.arm(), "none");
  await firstCommands;
  const { loop } = await host.stop();

  assert.deepEqual(
    ticks,
    Array.from(ticks, (_, i) => i),
    "no tick is lost or out of order",
  );
  const periods = deadlines.map((deadlineNs) => Math.round((deadlineNs - deadlines[0]!) / 10e6));
  assert.equal(loop.ticks, ticks.length);
  const behindLast = loop.missed - (periods.at(-1)! + 1 - ticks.length);
  const passedSince = (clock.monotonicNs() - deadlines.at(-1)!) / 10e6;
  assert.ok(behindLast >= 0 && behindLast <= passedSince, "each deadline had its tick or counts as missed");
  assert.ok(actual[0]! > 0.05 && actual[1]! > 0.02, "the robot moved with the plan");

  let published = 0;
  let values: ArrayLike<number> = [];
  while (commands.read()) {
    published++;
    values = deserializeMessage("std_msgs/msg/Float64MultiArray", commands.message).data;
  }
  assert.equal(published, withCommand);
  assert.deepEqual([...Array.from(values)], [...actual]);
  assert.deepEqual([...last.executedAction].map(Math.abs), [0, 0], "the last command stands still");
  assert.equal(await host.arm(), "inactive");
});

test("commands that waited behind a stalled event loop never leave: the robot stands, halts, and begins from where it is", async () => {
  const clock = systemClock();
  const sent: number[][] = [];
  const actual = new Float64Array(2);
  const ticks: number[] = [];
  const errors: string[] = [];
  const last = new TickRecord(2, 2);
  const host = new ControlHost({
    setup: { ...setup, safety: { ...setup.safety, maxLead: 10, maxTrackingError: 10 } },
    clock,
    onCommand: (command) => {
      sent.push([...command]);
      actual.set(command);
    },
    onTick: (record) => {
      ticks.push(record.get("tick"));
      last.bytes.set(record.bytes);
      feed();
    },
    onError: (error) => void errors.push(error.message),
    onFailure: assert.fail,
  });
  const feed = () => {
    const velocities = new Float64Array(2);
    host.beat();
    host.writeJointState({ positions: actual, velocities, stampNs: 0n, arrivalNs: clock.monotonicNs() });
  };
  const until = async (condition: () => boolean) => {
    for (const end = clock.monotonicNs() + 60e9; !condition(); ) {
      assert.ok(clock.monotonicNs() < end, `waited in vain for ${condition}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const stallFor = (count: number) => {
    const word = new Int32Array(new SharedArrayBuffer(4));
    for (const end = host.statistics.report().ticks + count; host.statistics.report().ticks < end; ) {
      Atomics.wait(word, 0, 0, 1);
    }
  };
  const follow = (id: number, action: readonly number[]) => {
    const nowNs = clock.monotonicNs();
    host.writePlan({ ...planAt(id, nowNs, Array(8).fill(action)), stepPeriodNs: 60e9 }, nowNs);
  };
  const statusIs = (status: ControlStatus) => Object.keys(CONTROL_STATUS)[last.get("status")] === status;

  let stoodAt: number[] = [];
  let sentBefore = 0;
  await host.start();
  try {
    feed();
    follow(1, [0.5, 0.2]);
    assert.equal(await host.arm(), "none");
    await until(() => actual[0]! > 0.05 || errors.length > 0);
    stallFor(40); // 0.2 rad at 0.5 rad/s
    await until(() => statusIs("holding"));
    assert.equal(errors.length, 1);
    assert.match(errors[0]!, /joint "(shoulder|elbow)".*stood still/);
    assert.equal(HALT_NAMES[last.get("haltCause")], "internal-error");
    assert.equal(await host.arm(), "off-command");

    stoodAt = [...actual];
    host.setEstop(true);
    host.setEstop(false);
    await until(() => statusIs("estopped") && (last.get("events") & TICK_EVENTS.estopPressed) === 0);
    assert.equal(await host.resetEstop(), "none");
    await until(() => statusIs("disarmed"));
    sentBefore = sent.length;
    follow(2, [0, 0]);
    assert.equal(await host.arm(), "none");
    await until(() => sent.length > sentBefore);
  } finally {
    await host.stop();
  }

  assert.deepEqual(sent[sentBefore], stoodAt, "it begins from where it is");
  for (let i = 1; i < sent.length; i++) {
    for (const [j, longest] of [0.06, 0.03].entries()) {
      assert.ok(Math.abs(sent[i]![j]! - sent[i - 1]![j]!) <= longest + 1e-9, `command ${i} moves joint ${j} too far`);
    }
  }
  assert.deepEqual(
    ticks,
    Array.from(ticks, (_, i) => i),
    "every tick is told, also those whose command did not leave",
  );
});

test("a robot without usable limits is refused before a thread starts", () => {
  const safety = { ...setup.safety, commandRateHz: Number.NaN };
  const silent = { onTick: () => {}, onError: () => {}, onFailure: () => {} };
  assert.throws(() => new ControlHost({ setup: { ...setup, safety }, clock: systemClock(), ...silent }), {
    code: "ERR_INVALID_ARGUMENT",
  });
});

test("a workspace whose kinematics a module brings is loaded in the thread, and a robot outside it is not armed", async () => {
  const clock = systemClock();
  const kinematics = {
    module: new URL("./programs/planar-kinematics.js", import.meta.url).href,
    options: { link: 0.5 },
  };
  const workspace = { lower: [-2, 0.1, -1], upper: [2, 2, 1], kinematics } as const;
  const host = new ControlHost({
    setup: { ...setup, workspace },
    clock,
    onTick: () => {},
    onError: assert.fail,
    onFailure: assert.fail,
  });
  await host.start();
  try {
    const nowNs = clock.monotonicNs();
    const still = new Float64Array(2);
    host.beat();
    host.writePlan({ ...planAt(1, nowNs, [[0, 0]]), stepPeriodNs: 60e9 }, nowNs);
    host.writeJointState({ positions: still, velocities: still, stampNs: 0n, arrivalNs: nowNs });
    assert.equal(await host.arm(), "outside-workspace", "the tip at (1, 0) is below y = 0.1");
    host.writeJointState({ positions: Float64Array.of(0.4, 0), velocities: still, stampNs: 0n, arrivalNs: nowNs });
    assert.deepEqual(await Promise.all([host.arm(), host.resetEstop(), host.arm()]), ["none", "none", "none"]);
  } finally {
    await host.stop();
  }
});

test("a thread that cannot start says why", async () => {
  const workspace = {
    lower: [-1, -1, -1],
    upper: [1, 1, 1],
    kinematics: { module: "file:///no/such/kinematics.js", options: null },
  } as const;
  const host = new ControlHost({
    setup: { ...setup, workspace },
    clock: systemClock(),
    onTick: () => {},
    onError: assert.fail,
    onFailure: () => assert.fail("reported twice"),
  });
  await assert.rejects(host.start(), { code: "ERR_CONTROL_LOOP", message: /kinematics\.js/ });
  await host.stop();
  assert.equal(await host.arm(), "inactive");
});
