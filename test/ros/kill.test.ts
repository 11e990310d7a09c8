import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SENSOR_QOS } from "../../src/core/node.ts";
import { openRosContext, type RosSession } from "../../src/ros/index.ts";
import { missingRos, type Peer, signalGroup, startPeer, until } from "../support/ros-peers.ts";

const skip = missingRos("latentloop", "latentloop_msgs");
const folder = mkdtempSync(join(tmpdir(), "latentloop-"));
const START_MS = 60_000;
let session: RosSession;
let launch: Peer;
let speed = Number.NaN;

before(async () => {
  if (skip) return;
  session = await openRosContext("kill_test");
  session.context.subscribe(
    "joint_states",
    "sensor_msgs/msg/JointState",
    ({ velocity }) => {
      speed = Math.max(...Array.from(velocity, Math.abs));
    },
    SENSOR_QOS,
  );
  const command = "exec ros2 launch latentloop bringup.launch.py record:=false";
  launch = startPeer("sh", ["-c", `cd ${folder} && ${command}`]);
});
after(() => {
  if (skip) return;
  signalGroup(launch.process, "SIGKILL");
  session.close();
  rmSync(folder, { recursive: true });
});

test("a control node killed with SIGKILL while the robot moves leaves it at rest", { skip }, async () => {
  const { context } = session;
  await until("a joint state", () => !Number.isNaN(speed), START_MS);
  let armed = false;
  context.every(500, () => {
    if (armed) return;
    context.call("control/arm", 400).then(
      ({ success }) => {
        armed = success;
      },
      () => undefined, // not up yet
    );
  });
  await until("an armed loop", () => armed, START_MS);
  await until("motion", () => speed > 0.2, 20_000);
  const [, pid] = /control-\d+\]: process started with pid \[(\d+)\]/.exec(launch.output()) ?? [];
  process.kill(Number(pid), "SIGKILL");
  await until("rest", () => speed < 0.01, 3000);
  assert.match(launch.output(), /process started/);
});
