import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SENSOR_QOS } from "../../src/core/node.ts";
import { CONTROL_STATUS } from "../../src/core/status.ts";
import type { Image, Path, PlanMessage, TickMessage } from "../../src/messages/index.ts";
import { openRosContext, type RosSession } from "../../src/ros/index.ts";
import { missingRos, type Peer, runPeer, signalGroup, startPeer, until } from "../support/ros-peers.ts";

/** One launch, looked at from all sides in the order of the tests: starting it takes seconds. */
const skip = missingRos("latentloop", "latentloop_msgs");
const STATUSES = Object.keys(CONTROL_STATUS);
const START_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), "latentloop-"));
const ros2 = (...args: string[]) => runPeer("ros2", args);
const ticks: TickMessage[] = [];
const plans: PlanMessage[] = [];
let session: RosSession;
let launch: Peer;

/** Arms again where a busy machine has let the loop halt in between. */
async function untilTracking(): Promise<void> {
  const arm = setInterval(() => void session.context.call("left/control/arm", 1000).catch(() => undefined), 1000);
  try {
    await until("tracking", () => status() === "tracking", 20_000);
  } finally {
    clearInterval(arm);
  }
}

const status = () => STATUSES[ticks.at(-1)?.status ?? -1];

before(async () => {
  if (skip) return;
  session = await openRosContext("bringup_test");
  const keep =
    <Message>(list: Message[]) =>
    (message: Message) =>
      void list.push(message);
  session.context.subscribe("left/control/tick", "latentloop_msgs/msg/Tick", keep(ticks));
  session.context.subscribe("left/plan", "latentloop_msgs/msg/Plan", keep(plans), SENSOR_QOS);
  launch = startPeer("sh", ["-c", `cd ${folder} && exec ros2 launch latentloop bringup.launch.py namespace:=left`]);
});
after(async () => {
  if (skip) return;
  signalGroup(launch.process, "SIGKILL");
  session.close();
  rmSync(folder, { recursive: true });
});

test("`ros2 launch` brings every node up to active, under its namespace", { skip }, async () => {
  await until("plans and ticks", () => plans.length > 5 && ticks.length > 5, START_MS);
  for (const node of ["scene_ingest", "world_model", "control", "simulated_robot", "recorder"]) {
    assert.match(await ros2("lifecycle", "get", `/left/${node}`), /active \[3\]/, node);
  }
});

test("`ros2 param describe` shows type, range and description; read-only ones say so", { skip }, async () => {
  const text = await ros2("param", "describe", "/left/control", "command_rate_hz");
  for (const line of [/Type: double/, /Read only: true/, /Min value: 10\.0/, /Max value: 1000\.0/, /Unit: Hz/])
    assert.match(text, line);
});

test("a parameter of a node that is configured is not changed behind its back", { skip }, async () => {
  assert.match(await ros2("param", "set", "/left/control", "blend_ms", "10.0"), /is active: clean it up/);
});

test("`ros2 lifecycle` takes a node down and up, and out of range values are refused in between", {
  skip,
}, async () => {
  for (const step of ["deactivate", "cleanup"])
    assert.match(await ros2("lifecycle", "set", "/left/control", step), /Transitioning successful/);
  assert.match(
    await ros2("param", "set", "/left/control", "blend_ms", "-1.0"),
    /Expected > 0 for 'blend_ms' but received -1/,
  );
  assert.match(await ros2("param", "set", "/left/control", "blend_ms", "40.0"), /Set parameter successful/);
  for (const step of ["configure", "activate"])
    assert.match(await ros2("lifecycle", "set", "/left/control", step), /Transitioning successful/);
});

test("the robot follows plans once it is armed by a service", { skip }, async () => {
  await until("a plan for the new control node", () => status() === "disarmed", 20_000);
  assert.match(await ros2("service", "call", "/left/control/arm", "std_srvs/srv/Trigger"), /success=True/);
  await untilTracking();
});

test("what the robot does is latched in words for whoever comes late", { skip }, async () => {
  const late = ["--once", "--qos-durability", "transient_local", "--qos-reliability", "reliable"];
  const said = await ros2("topic", "echo", ...late, "/left/control/status", "std_msgs/msg/String");
  // What it does now: a busy machine may have let it halt.
  assert.match(said, new RegExp(`data: '?(${STATUSES.join("|")})`));
});

test("whoever looks sees what the model imagines: frames side by side, and the path of the tip", { skip }, async () => {
  const images: Image[] = [];
  const paths: Path[] = [];
  const own = session.context;
  own.subscribe("left/world_model/imagined/image", "sensor_msgs/msg/Image", (image) => images.push(image), SENSOR_QOS);
  own.subscribe("left/world_model/imagined/path", "nav_msgs/msg/Path", (path) => paths.push(path));
  await until("an imagined image and path", () => images.length > 1 && paths.length > 1, 20_000);
  assert.deepEqual([images[0]?.height, images[0]?.width, images[0]?.encoding], [64, 8 * 64, "rgb8"]);
  assert.equal(paths[0]?.header.frame_id, "ground");
  assert.equal(paths[0]?.poses.length, 8);
});

test("an emergency stop by `ros2 topic pub` stays until it is reset and armed again", { skip }, async () => {
  const press = (data: boolean) =>
    ros2("topic", "pub", "--once", "/left/control/estop", "std_msgs/msg/Bool", `{data: ${data}}`);
  await press(true);
  await until("the emergency stop", () => status() === "estopped", 5000);
  const call = (service: string) => ros2("service", "call", `/left/control/${service}`, "std_srvs/srv/Trigger");
  assert.match(await call("arm"), /success=False.*estop-latched/);
  await press(false);
  assert.match(await call("reset_estop"), /success=True/);
  assert.match(await call("arm"), /success=True/);
  await untilTracking();
});

test("a world model killed with SIGKILL leaves the robot halted, and the loop goes on", { skip }, async () => {
  await untilTracking();
  const [, pid] = /world_model-\d+\]: process started with pid \[(\d+)\]/.exec(launch.output()) ?? [];
  process.kill(Number(pid), "SIGKILL");
  await until("rest", () => status() === "holding", 5000);
  const before = ticks.length;
  await until("more ticks", () => ticks.length > before + 50, 5000);
  assert.equal(status(), "holding");
});

test("`ros2 bag info` reads what was recorded, and Ctrl-C ends every node in order", { skip }, async () => {
  signalGroup(launch.process, "SIGINT");
  await launch.ended(20_000);
  assert.match(launch.output(), /Recorded \d+ messages/);
  const nodes = ["camera_ingest", "control", "simulated_robot", "recorder"];
  for (const node of nodes) assert.match(launch.output(), new RegExp(`${node}-\\d+\\]: process has finished cleanly`));
  const recordings = join(folder, "runs", "ros-simulated");
  const bag = join(recordings, readdirSync(recordings)[0]!);
  const info = await ros2("bag", "info", bag);
  assert.match(info, /Storage id: +mcap/);
  assert.match(info, /Topic: \/left\/scene\/image_raw \| Type: sensor_msgs\/msg\/Image \| Count: [1-9]/);
});

test("`ros2 bag play` drives the loop: the model plans from a recording", { skip }, async () => {
  const recordings = join(folder, "runs", "ros-simulated");
  const bag = join(recordings, readdirSync(recordings)[0]!);
  const replayed: PlanMessage[] = [];
  session.context.subscribe("plan", "latentloop_msgs/msg/Plan", (plan) => void replayed.push(plan), SENSOR_QOS);
  const arguments_ = [`bag:=${bag}`, "strip:=/left"];
  const replay = startPeer("ros2", ["launch", "latentloop", "replay.launch.py", ...arguments_]);
  try {
    await until("plans from the bag", () => replayed.length > 5, START_MS);
  } finally {
    signalGroup(replay.process, "SIGINT");
    await replay.ended(15_000);
  }
});
