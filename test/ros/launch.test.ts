import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SENSOR_QOS } from "../../src/core/node.ts";
import { EPISODE_KIND } from "../../src/messages/index.ts";
import { openRosContext, type RosSession } from "../../src/ros/index.ts";
import { missingRos, type Peer, runPeer, signalGroup, startPeer, until } from "../support/ros-peers.ts";

/** The launch files besides bring-up and replay: the simulated robots, side by side, and the trainer. */
const skip = missingRos("latentloop", "latentloop_msgs");
const START_MS = 60_000;
const SIDES = ["left", "right"] as const;
const folder = mkdtempSync(join(tmpdir(), "latentloop-"));
let session: RosSession;

before(async () => {
  if (!skip) session = await openRosContext("launch_test");
});
after(() => {
  session?.close();
  rmSync(folder, { recursive: true });
});

async function end(...peers: readonly Peer[]): Promise<void> {
  for (const peer of peers) signalGroup(peer.process, "SIGINT");
  await Promise.all(peers.map((peer) => peer.ended(20_000)));
}

test("two simulated robots run side by side, and each obeys its own commands only", { skip }, async () => {
  const { context } = session;
  const positions = { left: Number.NaN, right: Number.NaN };
  const images = { left: 0, right: 0 };
  for (const side of SIDES) {
    context.subscribe(
      `${side}/joint_states`,
      "sensor_msgs/msg/JointState",
      ({ name, position }) => {
        positions[side] = position[name.indexOf("shoulder")]!;
      },
      SENSOR_QOS,
    );
    context.subscribe(`${side}/scene/image_raw`, "sensor_msgs/msg/Image", () => void images[side]++, SENSOR_QOS);
  }
  const robots = SIDES.map((side, i) =>
    startPeer("ros2", ["launch", "latentloop", "simulation.launch.py", `namespace:=${side}`, `seed:=${i}`]),
  );
  try {
    await until(
      "both robots",
      () => SIDES.every((side) => !Number.isNaN(positions[side]) && images[side] > 3),
      START_MS,
    );
    const begin = { ...positions };
    const commands = context.publisher("left/commands", "std_msgs/msg/Float64MultiArray");
    const push = () => {
      commands.publish({ layout: { dim: [], data_offset: 0 }, data: [1, 0] });
      return Math.abs(positions.left - begin.left) > 0.2;
    };
    await until("motion of the left robot", push, 20_000);
    assert.ok(Math.abs(positions.right - begin.right) < 0.01, "the right one stands");
  } finally {
    await end(...robots);
  }
  for (const robot of robots) assert.match(robot.output(), /process has finished cleanly/);
});

test("a human's device and episodes are brought up beside the policy, and the control node follows the human's side", {
  skip,
}, async () => {
  const { context } = session;
  const events: number[] = [];
  let plans = 0;
  context.subscribe("human/episode", "latentloop_msgs/msg/EpisodeEvent", ({ kind }) => events.push(kind));
  context.subscribe("human/teleop/plan", "latentloop_msgs/msg/Plan", () => void plans++, SENSOR_QOS);
  const given = ["namespace:=human", "teleop:=joy", "episodes:=true", "record:=false"];
  const launch = startPeer("ros2", ["launch", "latentloop", "bringup.launch.py", ...given]);
  try {
    await until("the policy's plans by way of the human", () => plans > 5, START_MS);
    const call = (service: string) => context.call(`human/${service}`, 10_000);
    for (const service of ["control/arm", "episodes/begin", "teleop/take_over", "teleop/hand_back"]) {
      const { success, message } = await call(service);
      assert.ok(success, `${service}: ${message}`);
    }
    await until("steps of the episode", () => events.length > 3, 20_000);
    assert.equal(events[0], EPISODE_KIND.begin);
    assert.equal((await call("episodes/success")).success, true);
    await until("its end", () => events.at(-1) === EPISODE_KIND.end, 10_000);
  } finally {
    await end(launch);
  }
});

test("the trainer is brought up beside a robot, rests when it is told to, and says so", { skip }, async () => {
  for (const name of ["models", "replay"]) mkdirSync(join(folder, name));
  const given = ["models", "replay", "folder"].map((name) => `${name}:=${join(folder, name)}`);
  const launch = startPeer("ros2", ["launch", "latentloop", "training.launch.py", ...given]);
  try {
    await until("its services", () => /process started/.test(launch.output()), START_MS);
    let state = "";
    for (const untilMs = performance.now() + START_MS; !state.includes("active [3]") && performance.now() < untilMs; )
      state = await runPeer("ros2", ["lifecycle", "get", "/trainer"]);
    assert.match(state, /^active \[3\]/m, launch.output());
    assert.equal((await session.context.call("trainer/pause", 10_000)).success, true);
  } finally {
    await end(launch);
  }
  assert.match(launch.output(), /process has finished cleanly/);
});
