import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../../../../src/config/package-root.ts";
import { parseStrict } from "../../../../src/config/parse-strict.ts";
import { JoyDevice } from "../../../../src/nodes/teleop/joy-device.ts";
import { JoystickFile } from "../../../../src/nodes/teleop/joystick-file.ts";
import { LeaderDevice } from "../../../../src/nodes/teleop/leader-device.ts";
import {
  type JoyMapping,
  type LeaderMapping,
  mappingSchema,
  readMapping,
} from "../../../../src/nodes/teleop/mapping.ts";
import { MotionRequest } from "../../../../src/nodes/teleop/motion-request.ts";
import { TwistDevice } from "../../../../src/nodes/teleop/twist-device.ts";
import { FakeJoystick, NO_FAKE_JOYSTICK } from "../../../support/fake-joystick.ts";
import { testFolder } from "../../replay/bag-builder.ts";
import { twoJoints } from "../../safety/robots.ts";

const robot = twoJoints("position");
const HALF = { linear: 0.1, angular: 1, joint: 0.5 };
const REST = new Float64Array(2);

function joint(targets: readonly string[]): MotionRequest {
  return new MotionRequest({ robot, chain: undefined, speeds: HALF, frame: "base", targets, isDefault: false });
}

function joy(changes: object = {}) {
  const mapping = parseStrict(
    mappingSchema,
    {
      device: "joy",
      deadman: 5,
      deadzone: 0.2,
      axes: [{ axis: 1, moves: "shoulder", by: -1 }],
      buttons: [{ button: 2, moves: "elbow" }],
      words: [{ button: 0, says: "success" }],
      ...changes,
    },
    "the test",
  ) as JoyMapping;
  const words: string[] = [];
  const device = new JoyDevice(mapping, joint(["shoulder", "elbow"]), {
    onInput() {},
    onWord: (word) => words.push(word),
  });
  const wanted = new Float64Array(2);
  const read = () => {
    const state = device.read(0, REST, wanted);
    return { state, wanted: [...wanted] };
  };
  return { device, words, read };
}
const DOWN = [0, 0, 0, 0, 0, 1];
const UP = [0, 0, 0, 0, 0, 0];

test("an axis moves its joint only while the deadman is held, without a step at the dead zone", () => {
  const { device, read } = joy();
  assert.deepEqual(read().state, { trouble: "no input yet" });
  device.update([0, 0.8], UP, 1);
  assert.deepEqual(read(), { state: "released", wanted: [0, 0] });
  device.update([0, 0.6], DOWN, 2);
  const { state, wanted } = read();
  assert.equal(state, "held");
  assert.ok(
    Math.abs(wanted[0]! + 0.5) < 1e-12,
    "half a deflection beyond the zone, half of half the limit of 2, reversed",
  );
  for (const [axis, expected] of [
    [0.2, 0],
    [-0.19, 0],
    [1, -1],
    [-7, 1],
    [Number.NaN, 0],
  ] as const) {
    device.update([0, axis], DOWN, 3);
    assert.ok(Math.abs(read().wanted[0]! - expected) < 1e-12, `${axis}`);
  }
  device.update([0, 1], UP, 4);
  assert.deepEqual(read(), { state: "released", wanted: [0, 0] });
});

test("a deadman that is down when the device comes, or comes back, moves nothing until it was released", () => {
  const { device, read } = joy();
  device.update([0, 1], DOWN, 1);
  assert.equal(read().state, "released");
  device.update([0, 1], UP, 2);
  device.update([0, 1], DOWN, 3);
  assert.equal(read().state, "held");
  device.lose("the gamepad was unplugged");
  assert.deepEqual(read(), { state: { trouble: "the gamepad was unplugged" }, wanted: [0, 0] });
  device.update([0, 1], DOWN, 4);
  assert.equal(read().state, "released");
});

test("a button says its word once per press; a button mapped to a joint moves it", () => {
  const { device, words, read } = joy();
  device.update([], UP, 0);
  for (const value of [1, 1, 0, 1]) device.update([], [value, 0, 1, 0, 0, 1], 1);
  assert.deepEqual(words, ["success", "success"]);
  assert.ok(Math.abs(read().wanted[1]! - 0.5) < 1e-12);
});

test("a joystick file is read event by event, and its end is said once it is there", {
  skip: NO_FAKE_JOYSTICK,
}, async (t) => {
  const path = join(await testFolder(t), "js0");
  const joystick = new FakeJoystick(path);
  const file = new JoystickFile(path);
  assert.equal(file.poll().kind, "unchanged");
  joystick.axis(1, -32767);
  joystick.button(5, 0);
  joystick.button(5, 1);
  assert.deepEqual(file.poll(), { kind: "changed", axes: [0, 1], buttons: [0, 0, 0, 0, 0, 1] });
  joystick.unplug();
  const lost = file.poll();
  assert.ok(lost.kind === "lost" && /js0 does not answer/.test(lost.why));
  const missing = new JoystickFile("/dev/input/no-such").poll();
  assert.ok(missing.kind === "lost" && /no-such/.test(missing.why));
});

function leader(changes: Partial<LeaderMapping> = {}) {
  const mapping = parseStrict(mappingSchema, { device: "leader", ...changes }, "the test") as LeaderMapping;
  const device = new LeaderDevice(mapping, robot, { onInput() {} });
  const wanted = new Float64Array(2);
  const read = (nowNs: number, positions: readonly number[]) => {
    const state = device.read(nowNs, positions, wanted);
    return { state, wanted: [...wanted] };
  };
  const say = (position: readonly number[], nowNs: number, velocity: readonly number[] = []) =>
    device.update({ name: ["elbow", "other", "shoulder"], position, velocity }, nowNs);
  return { device, read, say };
}

test("the robot comes to the leader slowly and follows from there, with the leader's own speed", () => {
  const { device, read, say } = leader();
  device.engage();
  say([0, 9, 0.8], 0);
  assert.deepEqual(read(0, [0, 0]), { state: "held", wanted: [0.3, 0] });
  say([0, 9, 0.8], 1, [0, 0, 1]);
  assert.equal(read(1, [0.5, 0]).wanted[0], 0.3, "not yet there: the leader's speed does not count");
  assert.equal(read(1, [0.79, 0]).state, "held");
  say([0, 9, 0.9], 2, [0, 0, 1]);
  const { wanted } = read(2, [0.8, 0]);
  assert.ok(Math.abs(wanted[0]! - (6 * 0.1 + 1)) < 1e-9);
});

test("a leader that is too far away moves nothing and says which joint; a new take-over comes slowly again", () => {
  const { device, read, say } = leader();
  device.engage();
  say([0, 9, 1.2], 0);
  const { state, wanted } = read(0, [0, 0]);
  assert.ok(typeof state === "object" && /1\.20 rad away.*'shoulder'/.test(state.trouble));
  assert.deepEqual(wanted, [0, 0]);
  say([0, 9, 0], 1);
  read(1, [0, 0]);
  say([0, 9, 0.9], 2);
  assert.ok(read(2, [0, 0]).wanted[0]! > 1, "it was following");
  device.engage();
  assert.equal(read(2, [0, 0]).wanted[0], 0.3);
});

test("a leader that is silent, or lacks a joint, or is not finite, moves nothing", () => {
  const { device, read, say } = leader();
  say([0, 9, 0.1], 0);
  assert.equal(read(199e6, [0, 0]).state, "held");
  assert.match((read(201e6, [0, 0]).state as { trouble: string }).trouble, /silent for 200 ms/);
  say([Number.NaN, 9, 0.1], 300e6);
  assert.match((read(300e6, [0, 0]).state as { trouble: string }).trouble, /'elbow'/);
  device.update({ name: ["elbow"], position: [0], velocity: [] }, 301e6);
  assert.match((read(301e6, [0, 0]).state as { trouble: string }).trouble, /'shoulder'/);
});

test("joints map by name with scale and offset; a joint that the robot lacks is refused", () => {
  const joints = { shoulder: { leader: "other", scale: -2, offset: 0.5 } };
  const { read, say } = leader({ joints });
  say([9, 0.25, 9], 0);
  assert.deepEqual(read(0, [0, 0]), { state: "held", wanted: [0, 0] }, "-2 · 0.25 + 0.5 = 0; the elbow is left alone");
  assert.throws(() => leader({ joints: { wrist: { leader: "a", scale: 1, offset: 0 } } }), {
    code: "ERR_INPUT_DEVICE",
    remedy: /shoulder, elbow/,
  });
});

test("a twist older than 100 ms is none", () => {
  const device = new TwistDevice(joint([]), { onInput() {} });
  const wanted = new Float64Array(2);
  assert.equal(device.read(0, REST, wanted), "released");
  const zero = { x: 0, y: 0, z: 0 };
  const header = { stamp: { sec: 0, nanosec: 0 }, frame_id: "" };
  device.update({ header, twist: { linear: zero, angular: zero } }, 0);
  assert.equal(device.read(100e6, REST, wanted), "held");
  assert.equal(device.read(101e6, REST, wanted), "released");
  device.update({ header, twist: { linear: { ...zero, x: Number.NaN }, angular: zero } }, 200e6);
  assert.ok(typeof device.read(200e6, REST, wanted) === "object");
});

test("what a mapping moves must exist: axes need kinematics, joints a name of the robot", () => {
  assert.throws(() => joint(["x"]), { code: "ERR_INPUT_DEVICE", message: /kinematics/ });
  assert.throws(() => joint(["wrist"]), { code: "ERR_INPUT_DEVICE", message: /"wrist"/, remedy: /shoulder, elbow/ });
  const request = joint(["#2", "#7"]);
  request.add("#2", 1);
  request.add("#7", 1);
  const out = new Float64Array(2);
  request.velocitiesInto(REST, out);
  assert.deepEqual(
    [...out],
    [0, 0.5],
    "a place that the robot does not have is left out: default mappings are for many robots",
  );
});

test("every mapping in launch/teleop is one", async () => {
  const folder = join(root, "launch/teleop");
  const files = await readdir(folder);
  assert.ok(files.length >= 5);
  for (const file of files) await readMapping(join(folder, file));
});

test("an unknown key or device in a mapping names the known ones", () => {
  assert.throws(() => parseStrict(mappingSchema, { device: "joy", deadmann: 5 }, "f.yaml"), /deadman/);
  assert.throws(() => parseStrict(mappingSchema, { device: "mouse" }, "f.yaml"), /keyboard.*joy.*leader.*twist/);
});
