import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../src/config/package-root.ts";
import { DEFAULT_QOS, LATCHED_QOS, SENSOR_QOS } from "../../src/core/node.ts";
import {
  type EpisodeEvent,
  type Float64MultiArray,
  type Image,
  type JointTrajectory,
  makeEpisodeEvent,
  type PlanMessage,
} from "../../src/messages/index.ts";
import { findRclnodejs, openRosContext, type RosSession } from "../../src/ros/index.ts";
import { missingRos, runPeer, signalGroup, startPeer, until } from "../support/ros-peers.ts";

const skip = missingRos("latentloop_msgs", "latentloop_peers");
const header = { stamp: { sec: 5, nanosec: 6 }, frame_id: "kamera_µ_光学" };
/** As the installed executables run it: without a look at packages and sources. */
const program = join(root, "dist", "src", "cli", "main.js");
const PATIENCE_MS = 10_000;
let session: RosSession;

before(async () => {
  if (!skip) session = await openRosContext("adapter_test");
});
after(() => session?.close());

test("a view into a longer buffer goes out as exactly its own bytes", { skip }, async () => {
  const { context } = session;
  const received: (Image | Float64MultiArray)[] = [];
  context.subscribe("view/image", "sensor_msgs/msg/Image", ({ data, ...rest }) =>
    received.push({ ...rest, data: data.slice() }),
  );
  context.subscribe("view/array", "std_msgs/msg/Float64MultiArray", (message) =>
    received.push({ ...message, data: Array.from(message.data) }),
  );
  const image = context.publisher("view/image", "sensor_msgs/msg/Image", LATCHED_QOS);
  const array = context.publisher("view/array", "std_msgs/msg/Float64MultiArray", LATCHED_QOS);
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const numbers = Float64Array.from({ length: 9 }, (_, i) => i / 7);
  const send = () => {
    image.publish({
      header,
      width: 3,
      height: 2,
      step: 9,
      encoding: "rgb8",
      is_bigendian: 0,
      data: bytes.subarray(40, 58),
    });
    array.publish({ layout: { dim: [], data_offset: 0 }, data: numbers.subarray(3, 5) });
    return received.length >= 2;
  };
  await until("both messages", send, PATIENCE_MS);
  const [first] = received.filter((message): message is Image => "encoding" in message);
  const [second] = received.filter((message): message is Float64MultiArray => "layout" in message);
  assert.deepEqual([...(first?.data ?? [])], [...bytes.subarray(40, 58)]);
  assert.equal(first?.header.frame_id, header.frame_id);
  assert.deepEqual(second?.data, [3 / 7, 4 / 7]);
});

test("a throw in a callback is counted and the stream goes on", { skip }, async () => {
  const { context } = session;
  let calls = 0;
  context.subscribe("throwing", "std_msgs/msg/Bool", () => {
    calls++;
    throw new Error("on purpose");
  });
  const publisher = context.publisher("throwing", "std_msgs/msg/Bool");
  const send = () => {
    publisher.publish({ data: true });
    return calls >= 3;
  };
  await until("three calls", send, PATIENCE_MS);
});

test("entities that are made while the node spins work like those made before", { skip }, async () => {
  const { context } = session;
  const heard = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const publisher = context.publisher(`spinning_${i}`, "std_msgs/msg/Bool", LATCHED_QOS);
    context.subscribe(`spinning_${i}`, "std_msgs/msg/Bool", () => heard.add(i), LATCHED_QOS);
    publisher.publish({ data: true });
  }
  await until("all twenty", () => heard.size === 20, PATIENCE_MS);
});

test("numbers of 64 bits and text beyond ASCII pass through the middleware unchanged", { skip }, async () => {
  const { context } = session;
  const plans: PlanMessage[] = [];
  const events: EpisodeEvent[] = [];
  context.subscribe("extremes/plan", "latentloop_msgs/msg/Plan", (plan) =>
    plans.push({ ...plan, actions: plan.actions.slice() }),
  );
  context.subscribe("extremes/event", "latentloop_msgs/msg/EpisodeEvent", (event) => events.push(event));
  const plan: PlanMessage = {
    header,
    plan_id: 2n ** 64n - 1n,
    start_monotonic_ns: Number.MAX_SAFE_INTEGER,
    step_period_ns: 1e8,
    observation_stamp: { sec: -1, nanosec: 999_999_999 },
    observation_arrival_monotonic_ns: Number.MIN_VALUE,
    model_hash: "",
    rung: 255,
    value: Number.NEGATIVE_INFINITY,
    surprise: Number.NaN,
    delay_ns: -0,
    compute_ns: 1,
    action_dimension: 2,
    actions: Float32Array.of(-1, 1),
  };
  const event: EpisodeEvent = {
    header,
    kind: 2,
    episode: 2 ** 32 - 1,
    step: 0,
    reward: 1.5,
    is_terminal: true,
    success: false,
    intervention: true,
    note: "Greifer öffnet 🤖 光学",
  };
  const planPublisher = context.publisher("extremes/plan", "latentloop_msgs/msg/Plan");
  const eventPublisher = context.publisher("extremes/event", "latentloop_msgs/msg/EpisodeEvent");
  const send = () => {
    planPublisher.publish(plan);
    eventPublisher.publish(event);
    return plans.length > 0 && events.length > 0;
  };
  await until("both messages", send, PATIENCE_MS);
  assert.deepEqual(plans[0], plan);
  assert.deepEqual(events[0], event);
});

test("`ros2 topic echo` reads what we serialize", { skip }, async () => {
  const { context } = session;
  const publisher = context.publisher("echoed", "latentloop_msgs/msg/EpisodeEvent");
  context.every(50, () =>
    publisher.publish({
      ...makeEpisodeEvent("step", 0n, { episode: 3, step: 4, reward: 0.25, success: true, note: "grün" }),
      header,
    }),
  );
  const text = await runPeer("ros2", ["topic", "echo", "--once", "/echoed", "latentloop_msgs/msg/EpisodeEvent"]);
  for (const line of ["sec: 5", "frame_id: kamera_µ_光学", "episode: 3", "reward: 0.25", "success: true", "note: grün"])
    assert.ok(text.includes(line), `${line} in ${text}`);
});

test("a reliable subscription reaches a best-effort publisher that came later", { skip }, async () => {
  const { context } = session;
  const frames: string[] = [];
  context.subscribe(
    "late/image_raw",
    "sensor_msgs/msg/Image",
    (image) => frames.push(image.header.frame_id),
    DEFAULT_QOS,
  );
  const remap = ["--ros-args", "-r", "image_raw:=late/image_raw", "-p", "seconds:=8.0"];
  const camera = startPeer("ros2", ["run", "latentloop_peers", "image_publisher.py", ...remap]);
  try {
    await until("an image", () => frames.length > 0, 20_000);
    assert.equal(frames[0], "kamera_µ_光学");
  } finally {
    signalGroup(camera.process, "SIGKILL");
  }
});

test("a late subscription gets what was latched, also where another publisher of the topic latches nothing", {
  skip,
}, async () => {
  const { context } = session;
  const latching = context.publisher("button", "std_msgs/msg/Bool", LATCHED_QOS);
  const plain = context.publisher("button", "std_msgs/msg/Bool", DEFAULT_QOS);
  latching.publish({ data: true });
  const latched: boolean[] = [];
  const live: boolean[] = [];
  context.subscribe("button", "std_msgs/msg/Bool", ({ data }) => latched.push(data), LATCHED_QOS);
  context.subscribe("button", "std_msgs/msg/Bool", ({ data }) => live.push(data), SENSOR_QOS);
  await until("the latched message", () => latched.length > 0, PATIENCE_MS);
  assert.deepEqual(latched, [true]);
  const press = () => {
    plain.publish({ data: false });
    return live.includes(false);
  };
  await until("the other one's", press, PATIENCE_MS);
});

test("a service answers `ros2 service call`; a throw becomes a refusal", { skip }, async () => {
  const { context } = session;
  context.serve("~/fine", async () => ({ success: true, message: "läuft" }));
  context.serve("~/broken", () => {
    throw new Error("no robot");
  });
  const call = (name: string) => runPeer("ros2", ["service", "call", `/adapter_test/${name}`, "std_srvs/srv/Trigger"]);
  assert.match(await call("fine"), /success=True, message='läuft'/);
  assert.match(await call("broken"), /success=False, message='no robot'/);
  assert.deepEqual(await context.call("~/fine", PATIENCE_MS), { success: true, message: "läuft" });
});

test("a call that nobody serves ends in time with an error that names it", { skip }, async () => {
  const error = { code: "ERR_SERVICE_UNAVAILABLE", message: /'~\/nobody'.*nobody serves it/ };
  await assert.rejects(session.context.call("~/nobody", 200), error);
});

test("without ROS 2 sourced a node ends with the way out, and the binding's build is left alone", {
  skip,
}, async () => {
  const { AMENT_PREFIX_PATH: _, ...env } = process.env;
  const peer = startPeer(process.execPath, [program, "ros", "node", "control"], env);
  assert.equal(await peer.ended(20_000), 1);
  assert.match(peer.output(), /ERR_ROS_NOT_SOURCED/);
  assert.ok(existsSync(join(findRclnodejs() ?? "", "generated", "generator.json")));
});

test("without our message package a node says which package to build", { skip }, async () => {
  const overlay = execFileSync("ros2", ["pkg", "prefix", "latentloop_msgs"], { encoding: "utf8" }).trim();
  const without = (name: string) =>
    (process.env[name] ?? "")
      .split(":")
      .filter((path) => !path.startsWith(overlay))
      .join(":");
  const paths = Object.fromEntries(["AMENT_PREFIX_PATH", "LD_LIBRARY_PATH"].map((name) => [name, without(name)]));
  const env = { ...process.env, ...paths };
  const topics = "[{name: plan, type: latentloop_msgs/msg/Plan}]";
  const args = ["ros", "node", "recorder", "--ros-args", "-p", "autostart:=true", "-p", `topics:='${topics}'`];
  const peer = startPeer(process.execPath, [program, ...args], env);
  try {
    await peer.printed(/ERR_ROS_MESSAGE_PACKAGE/, 20_000);
    assert.match(peer.output(), /colcon build --packages-select latentloop_msgs/);
  } finally {
    signalGroup(peer.process, "SIGKILL");
  }
});

test("a UR5e's joint trajectory controller gets trajectories of its joints by name", { skip }, async () => {
  const { context } = session;
  const trajectories: JointTrajectory[] = [];
  const controller = "scaled_joint_trajectory_controller/joint_trajectory";
  context.subscribe(controller, "trajectory_msgs/msg/JointTrajectory", (message) => trajectories.push(message));
  const commands = context.publisher("commands", "std_msgs/msg/Float64MultiArray");
  const joints = ["elbow_joint", "shoulder_pan_joint"];
  const outputs = `[{kind: joint-trajectory, topic: ${controller}, joints: [${joints.join(", ")}]}]`;
  const given = [
    "autostart:=true",
    `robot:=${join(root, "calibration", "robots", "ur5e.yaml")}`,
    `outputs:='${outputs}'`,
  ];
  const args = ["ros", "node", "robot_output", "--ros-args", ...given.flatMap((value) => ["-p", value])];
  const peer = startPeer(process.execPath, [program, ...args]);
  try {
    let position = 0;
    const send = () => {
      position += 0.001;
      commands.publish({ layout: { dim: [], data_offset: 0 }, data: [position, 0, 1, 0, 0, 0] });
      return trajectories.length > 5;
    };
    await until("trajectories", send, 20_000);
    assert.deepEqual(trajectories[0]?.joint_names, joints);
    assert.equal(trajectories.at(-1)?.points[0]?.positions[0], 1);
  } finally {
    signalGroup(peer.process, "SIGKILL");
  }
});

test("a robot's file is made from what is latched on robot_description", { skip }, async () => {
  const limit = '<limit lower="-1" upper="1" velocity="2" effort="1"/>';
  const data = `<robot name="arm"><joint name="bend" type="revolute">${limit}</joint></robot>`;
  session.context.publisher("robot_description", "std_msgs/msg/String", LATCHED_QOS).publish({ data });
  const text = await runPeer(process.execPath, [program, "ros", "robot-file", "--acceleration", "5"]);
  assert.match(text, /name: arm[\s\S]*- name: bend\n\s+limits:\n\s+lower: -1\n\s+upper: 1\n\s+velocity: 2/);
});
