import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../src/config/package-root.ts";
import { SENSOR_QOS } from "../../src/core/node.ts";
import { type JointState, makeHeader } from "../../src/messages/index.ts";
import { openRosContext, type RosSession } from "../../src/ros/index.ts";
import { missingRos, type Peer, signalGroup, startPeer, until } from "../support/ros-peers.ts";

/** What users get wrong: every time a sentence that says what, and no motion. */
const skip = missingRos("latentloop_msgs");
const PATIENCE_MS = 30_000;
const program = join(root, "dist", "src", "cli", "main.js");
const model = join(root, "models", "reach-keypoint");
const robot = join(root, "calibration", "robots", "planar-arm.yaml");
let session: RosSession;
/** All that was said on /diagnostics: "node: task: message". */
const said = new Set<string>();

before(async () => {
  if (skip) return;
  session = await openRosContext("bad_input_test");
  session.context.subscribe("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", ({ status }) => {
    for (const { name, message } of status) said.add(`${name}: ${message}`);
  });
});
after(() => session?.close());

function node(kind: string, name: string, parameters: Record<string, string>, env = process.env): Peer {
  const given = Object.entries({ autostart: "true", ...parameters }).flatMap(([key, value]) => [
    "-p",
    `${key}:=${value}`,
  ]);
  return startPeer(
    process.execPath,
    [program, "ros", "node", kind, "--ros-args", "-r", `__node:=${name}`, ...given],
    env,
  );
}

/** Runs a node until it has said something, and ends it. */
async function says(peer: Peer, pattern: RegExp): Promise<void> {
  try {
    await peer.printed(pattern, PATIENCE_MS);
  } finally {
    signalGroup(peer.process, "SIGKILL");
  }
}

test("a distribution that is not supported ends the node with its name", { skip }, async () => {
  const peer = node("control", "bad_distribution", {}, { ...process.env, ROS_DISTRO: "foxy" });
  assert.equal(await peer.ended(PATIENCE_MS), 1);
  assert.match(peer.output(), /received 'foxy'.*ERR_ROS_DISTRIBUTION|ERR_ROS_DISTRIBUTION.*received 'foxy'/s);
});

test("a parameter out of range at launch is refused by the name that was typed", { skip }, async () => {
  const peer = node("control", "bad_range", { model, robot, command_rate_hz: "5000.0" });
  await says(peer, /Expected 10 … 1000 for 'command_rate_hz' but received 5000.*ERR_INVALID_VALUE/);
});

test("a parameter of another type, or a missing one, is refused by name", { skip }, async () => {
  await says(node("control", "bad_type", { model, robot, command_rate_hz: "fast" }), /'command_rate_hz'.*"fast"/);
  await says(node("control", "bad_missing", { model }), /Expected a value for 'robot' but none was given/);
});

test("joints of a controller that the robot does not have are refused by name", { skip }, async () => {
  const outputs = "'[{kind: joint-group, topic: arm/commands, joints: [shoulder, elbow]}]'";
  await says(
    node("robot_output", "bad_joints", { robot, outputs }),
    /\(shoulder, wrist\).*'arm\/commands'.*'elbow'.*ERR_JOINT_MISSING/,
  );
});

test("joint states without a joint of the robot are an error on /diagnostics, and the robot cannot be armed", {
  skip,
}, async () => {
  const { context } = session;
  const states = context.publisher("joint_states", "sensor_msgs/msg/JointState", SENSOR_QOS);
  const wrong: JointState = {
    header: makeHeader(0n),
    name: ["shoulder", "elbow"],
    position: [0, 0],
    velocity: [0, 0],
    effort: [],
  };
  const peer = node("control", "bad_states", { model, robot });
  try {
    const send = () => {
      states.publish({ ...wrong, header: makeHeader(context.clock.rosNs()) });
      return [...said].some((line) => /^bad_states: callbacks: .*joint 'wrist'/.test(line));
    };
    await until("the diagnosis", send, PATIENCE_MS);
    const { success, message } = await context.call("bad_states/arm", PATIENCE_MS);
    assert.equal(success, false, message);
  } finally {
    signalGroup(peer.process, "SIGKILL");
  }
});

test("images of an unknown encoding are an error on /diagnostics that names it", { skip }, async () => {
  const { context } = session;
  const images = context.publisher("scene/image_raw", "sensor_msgs/msg/Image", SENSOR_QOS);
  const peer = node("camera_ingest", "bad_encoding", { model, camera: "scene" });
  try {
    const image = { width: 64, height: 64, encoding: "kinect9", is_bigendian: 0, step: 192 };
    const send = () => {
      images.publish({ header: makeHeader(context.clock.rosNs()), ...image, data: new Uint8Array(192 * 64) });
      return [...said].some((line) => /^bad_encoding: camera scene: .*kinect9/.test(line));
    };
    await until("the diagnosis", send, PATIENCE_MS);
  } finally {
    signalGroup(peer.process, "SIGKILL");
  }
});
