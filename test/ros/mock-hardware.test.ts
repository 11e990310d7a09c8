import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../src/config/package-root.ts";
import { type Publisher, SENSOR_QOS } from "../../src/core/node.ts";
import type { DiagnosticArray, Float64MultiArray } from "../../src/messages/index.ts";
import { openRosContext, type RosSession } from "../../src/ros/index.ts";
import { missingRos, type Peer, signalGroup, startPeer, until } from "../support/ros-peers.ts";

/** Our outputs move an arm of ros2_control: a real controller_manager, real controllers, mocked hardware. */
const skip = missingRos("latentloop_peers", "controller_manager", "joint_trajectory_controller", "gripper_controllers");
const RATE_HZ = 100;
const START_MS = 30_000;
const program = join(root, "dist", "src", "cli", "main.js");
const folder = mkdtempSync(join(tmpdir(), "latentloop-"));
const robot = join(folder, "robot.yaml");
const JOINTS = ["pan", "lift", "elbow", "finger"];
const measured = new Map<string, number>();
/** Positions of `pan` as they were measured, to look for a stop in the middle of a motion. */
let panTrack: { atNs: number; position: number }[] = [];
let diagnostics: string[] = [];
let session: RosSession;
let commands: Publisher<Float64MultiArray>;
const peers: Peer[] = [];

before(async () => {
  if (skip) return;
  const limits = "{ lower: -1.5, upper: 1.5, velocity: 2, acceleration: 8 }";
  const joints = JOINTS.map((name) => `  - { name: ${name}, limits: ${limits} }`).join("\n");
  writeFileSync(robot, `name: mock_arm\ncommandInterface: position\njoints:\n${joints}\n`);
  session = await openRosContext("mock_test");
  const { context } = session;
  commands = context.publisher("commands", "std_msgs/msg/Float64MultiArray");
  context.subscribe(
    "joint_states",
    "sensor_msgs/msg/JointState",
    ({ name, position }, { receivedNs }) => {
      name.forEach((joint, i) => {
        measured.set(joint, position[i]!);
      });
      panTrack.push({ atNs: receivedNs, position: measured.get("pan")! });
    },
    SENSOR_QOS,
  );
  context.subscribe("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", ({ status }: DiagnosticArray) => {
    diagnostics = diagnostics.concat(status.map(({ name, message }) => `${name}: ${message}`));
  });
});
after(async () => {
  if (skip) return;
  await endPeers();
  session.close();
  rmSync(folder, { recursive: true });
});

async function endPeers(): Promise<void> {
  for (const peer of peers) signalGroup(peer.process, "SIGINT");
  await Promise.all(peers.splice(0).map((peer) => peer.ended(10_000)));
}

/** The mocked arm with one of its controllers, and our node between `commands` and the controllers. */
async function start(arm: string, output: object): Promise<void> {
  await endPeers();
  measured.clear();
  diagnostics = [];
  const mock = startPeer("ros2", ["launch", "latentloop_peers", "mock_arm.launch.py", `arm:=${arm}`]);
  const gripper = { kind: "gripper-command", topic: "gripper/gripper_cmd", joints: ["finger"], goalTolerance: 0.001 };
  const given = ["autostart:=true", `robot:=${robot}`, `outputs:='${JSON.stringify([output, gripper])}'`];
  const args = ["ros", "node", "robot_output", "--ros-args", ...given.flatMap((value) => ["-p", value])];
  peers.push(mock, startPeer(process.execPath, [program, ...args]));
  await mock.printed(/spawner-\d+\]: process has finished cleanly/, START_MS);
  await until("joint states", () => JOINTS.every((name) => measured.has(name)), START_MS);
  await until("our node", () => diagnostics.some((line) => line.includes("passing commands on")), START_MS);
}

/** Commands at the command rate from `from` to `to`, with one soft start and one soft end. */
async function move(from: readonly number[], to: readonly number[], seconds: number): Promise<void> {
  const beganMs = performance.now();
  for (let tick = 0; tick <= seconds * RATE_HZ; tick++) {
    const s = tick / (seconds * RATE_HZ);
    const share = s * s * (3 - 2 * s);
    commands.publish({
      layout: { dim: [], data_offset: 0 },
      data: from.map((value, i) => value + share * (to[i]! - value)),
    });
    const restMs = beganMs + (1000 * (tick + 1)) / RATE_HZ - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, restMs)));
  }
}

const TARGET = [0.6, -0.3, 0.9, 0.05];
const hasArrived = () => JOINTS.every((name, i) => Math.abs(measured.get(name)! - TARGET[i]!) < 0.002);

test("a joint_trajectory_controller moves its joints by name, without a stop between commands; the gripper follows", {
  skip,
}, async () => {
  await start("arm_trajectory", {
    kind: "joint-trajectory",
    topic: "arm_trajectory/joint_trajectory",
    joints: ["elbow", "pan", "lift"],
  });
  panTrack = [];
  await move([0, 0, 0, 0], TARGET, 2);
  await until("the arm at its goal", hasArrived, 5000);
  const moving = panTrack.filter(({ position }) => position > 0.1 && position < 0.5);
  const windowNs = 100e6;
  for (const [i, { atNs, position }] of moving.entries()) {
    const later = moving.slice(i).find((sample) => sample.atNs >= atNs + windowNs);
    if (later) assert.ok(later.position - position > 0.002, `it stands still at ${position}`);
  }
  assert.ok(moving.length > 20, `${moving.length} joint states in the middle of the motion`);
});

test("a joint-group controller moves the same joints by name", { skip }, async () => {
  await start("arm_positions", {
    kind: "joint-group",
    topic: "arm_positions/commands",
    joints: ["elbow", "pan", "lift"],
  });
  await move([0, 0, 0, 0], TARGET, 1);
  await until("the arm at its goal", hasArrived, 5000);
});

test("a controller that is missing is an error on /diagnostics that names it", { skip }, async () => {
  const missing = { kind: "joint-group", topic: "no_controller/commands", joints: ["pan"] };
  const args = ["autostart:=true", `robot:=${robot}`, `outputs:='${JSON.stringify([missing])}'`, "__node:=other"];
  const flags = args.flatMap((value) => [value.startsWith("__") ? "-r" : "-p", value]);
  peers.push(startPeer(process.execPath, [program, "ros", "node", "robot_output", "--ros-args", ...flags]));
  const names = /^other: robot output: no controller listens, is it active\? joint group no_controller\/commands: pan/;
  await until("the diagnosis", () => diagnostics.some((line) => names.test(line)), START_MS);
});
