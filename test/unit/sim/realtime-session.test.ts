import assert from "node:assert/strict";
import { test } from "node:test";
import type { SimulatedEnvironment } from "../../../src/sim/environment.ts";
import { createEnvironment } from "../../../src/sim/index.ts";
import { RealtimeSession } from "../../../src/sim/realtime-session.ts";

interface Heard {
  readonly joints: { names: readonly string[]; positions: number[]; velocities: number[]; stampNs: bigint }[];
  readonly images: { camera: string; sum: number; stampNs: bigint }[];
  readonly scores: number[];
}

const OPTIONS = { imageRateHz: 30, commandTimeoutS: 0.1, seed: 1 };

/** A session whose ports write down what they hear, and a function that lets ticks pass at 100 Hz. */
function listen(environment: SimulatedEnvironment) {
  const heard: Heard = { joints: [], images: [], scores: [] };
  const session = new RealtimeSession(
    environment,
    {
      onJointState: (names, positions, velocities, stampNs) =>
        heard.joints.push({ names: [...names], positions: [...positions], velocities: [...velocities], stampNs }),
      onImage: (camera, pixels, stampNs) =>
        heard.images.push({ camera, sum: pixels.reduce((a, b) => a + b, 0), stampNs }),
      onScore: ({ reward }) => heard.scores.push(reward),
    },
    OPTIONS,
  );
  let now = 0n;
  const pass = (ticks: number) => {
    for (let i = 0; i < ticks; i++) session.tick((now += 10_000_000n));
  };
  return { session, heard, pass };
}

test("joint states come at every tick, pictures at 30 Hz per camera and never two in one tick", async () => {
  using environment = await createEnvironment("arm-reach", { seed: 1 });
  const { heard, pass } = listen(environment);
  pass(300);
  assert.equal(heard.joints.length, 300);
  assert.equal(heard.scores.length, 30);
  for (const camera of ["scene", "wrist"]) {
    assert.equal(heard.images.filter((image) => image.camera === camera).length, 90);
  }
  assert.equal(new Set(heard.images.map(({ stampNs }) => stampNs)).size, heard.images.length);
  assert.equal(heard.joints[299]!.stampNs, 3_000_000_000n);
});

test("skipped ticks advance the world without reports", async () => {
  using skipped = await createEnvironment("reach", { seed: 1 });
  using reported = await createEnvironment("reach", { seed: 1 });
  const quiet = listen(skipped);
  for (let i = 0; i < 5; i++) quiet.session.skip();
  listen(reported).pass(5);
  assert.equal(quiet.heard.joints.length, 0);
  assert.deepEqual(skipped.saveState().physics, reported.saveState().physics);
});

test("a velocity robot without commands stops 100 ms after the last one", async () => {
  using environment = await createEnvironment("reach", { seed: 1 });
  const { session, heard, pass } = listen(environment);
  session.setCommand("velocity", [1, 0]);
  pass(10);
  assert.ok(heard.joints[9]!.velocities[0]! > 0.5);
  pass(90);
  assert.ok(Math.abs(heard.joints[99]!.velocities[0]!) < 1e-2);
  for (let i = 0; i < 30; i++) {
    session.setCommand("velocity", [1, 0]);
    pass(1);
  }
  assert.ok(heard.joints.at(-1)!.velocities[0]! > 0.5, "a stream of commands keeps it moving");
});

test("a position robot without commands holds its last target", async () => {
  using environment = await createEnvironment("arm-reach", { seed: 1 });
  const { session, heard, pass } = listen(environment);
  const goal = [0.4, 0.1, 0.9, 0.5, 0.3];
  session.setCommand("position", goal);
  pass(300);
  heard.joints[299]!.positions.forEach((position, i) => {
    assert.ok(Math.abs(position - goal[i]!) < 0.05);
  });
});

test("a new target changes the score and moves no joint", async () => {
  using environment = await createEnvironment("reach", { seed: 1 });
  const { session, heard, pass } = listen(environment);
  pass(50);
  session.retarget();
  pass(10);
  assert.notEqual(heard.scores[5], heard.scores[4]);
  assert.deepEqual(heard.joints[59]!.positions, heard.joints[49]!.positions);
});

test("faults: a stopped camera is silent, a frozen one repeats itself, and all ends with the fault", async () => {
  using environment = await createEnvironment("arm-reach", { seed: 1 });
  const { session, heard, pass } = listen(environment);
  session.setCommand("velocity", [1, 0, 0, 0, 0]);
  pass(10);
  session.setFaults({ stoppedCameras: ["wrist"], frozenCameras: ["scene"] });
  const before = heard.images.length;
  pass(30);
  const during = heard.images.slice(before);
  assert.ok(during.length >= 8 && during.every(({ camera }) => camera === "scene"));
  assert.equal(new Set(during.map(({ sum }) => sum)).size, 1);
  assert.equal(new Set(during.map(({ stampNs }) => stampNs)).size, during.length, "stamps go on");
  session.setFaults({});
  pass(10);
  assert.ok(heard.images.slice(before + during.length).some(({ camera }) => camera === "wrist"));
});

test("faults: silent joints, a clock that jumps, joints in another order", async () => {
  using environment = await createEnvironment("arm-reach", { seed: 1 });
  const { session, heard, pass } = listen(environment);
  session.setFaults({ silentJoints: true });
  pass(5);
  assert.equal(heard.joints.length, 0);
  session.setFaults({ clockJumpNs: -3_000_000_000n });
  pass(1);
  assert.equal(heard.joints[0]!.stampNs, 60_000_000n - 3_000_000_000n);
  session.setFaults({ jointOrder: [4, 3, 2, 1, 0] });
  pass(1);
  session.setFaults({});
  const reordered = heard.joints[1]!;
  assert.deepEqual(reordered.names, ["j5", "j4", "j3", "j2", "j1"]);
  const positions = new Float64Array(5);
  environment.jointsInto(positions, new Float64Array(5));
  assert.deepEqual(reordered.positions, [...positions].reverse());
});
