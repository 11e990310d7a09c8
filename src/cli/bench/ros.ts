import { LatentloopError } from "../../core/errors.ts";
import { openRosContext } from "../../ros/index.ts";
import { runProgram } from "../doctor/run-program.ts";
import { HD, measureCamera, SUBSCRIBERS, VGA } from "./ros/camera.ts";
import { loopEmbedded, loopOverRos } from "./ros/loop.ts";
import { PEERS, PUNCTUAL } from "./ros/programs.ts";
import type { BenchOptions } from "./suite.ts";

/** One episode of the simulated robot. */
const EPISODE_SECONDS = 5;

/**
 * Our nodes on a real ROS 2: camera images from a C++ publisher to model images beside rclpy with numpy and rclcpp doing the
 * same reduction; then the closed loop over ROS topics with a camera beside it, and the same loop on the embedded transport.
 * Where the machine permits real-time priority, ours is measured with it too.
 */
export async function benchRos({ seconds = 60, log }: BenchOptions) {
  await checkPeers();
  const { latentloop: own, rclpy, rclcpp } = SUBSCRIBERS;
  const twins = {
    latentloop: await measureCamera(own, VGA, seconds, log),
    rclpy: await measureCamera(rclpy, VGA, seconds, log),
    rclcpp: await measureCamera(rclcpp, VGA, seconds, log),
  };
  const isPunctual = await mayRunInRealTime();
  const punctual = { name: "latentloop in real time", program: "chrt", args: [...PUNCTUAL, ...own.args] };
  const realTime = isPunctual ? await measureCamera(punctual, VGA, seconds, log) : null;
  const pair = await Promise.all(
    ["left", "right"].map((name) => measureCamera({ ...own, name: `latentloop ${name}` }, HD, seconds, log, name)),
  );
  const { context, close } = await openRosContext("bench");
  const ros = await loopOverRos(context, { isRealTime: false, seconds, log });
  const rosRealTime = isPunctual ? await loopOverRos(context, { isRealTime: true, seconds, log }) : null;
  close();
  const embedded = await loopEmbedded(Math.max(1, Math.round(seconds / EPISODE_SECONDS)), log);
  return {
    seconds,
    camera_640x480: { ...twins, latentloop_real_time: realTime },
    p50_against_rclpy: twins.latentloop.p50_ms / twins.rclpy.p50_ms,
    p50_against_rclcpp: twins.latentloop.p50_ms / twins.rclcpp.p50_ms,
    p99_against_rclpy: twins.latentloop.p99_ms / twins.rclpy.p99_ms,
    p99_against_rclcpp: twins.latentloop.p99_ms / twins.rclcpp.p99_ms,
    two_cameras_1280x720: pair,
    loop: { ros, ros_real_time: rosRealTime, embedded },
  };
}

async function mayRunInRealTime(): Promise<boolean> {
  return (await runProgram("chrt", [...PUNCTUAL, "--version"])) !== undefined;
}

async function checkPeers(): Promise<void> {
  if ((await runProgram("ros2", ["pkg", "prefix", PEERS])) !== undefined) return;
  throw new LatentloopError("ERR_BENCH", `Expected the ROS 2 package ${PEERS} but ros2 does not find it.`, {
    remedy: `Build ros/${PEERS} with colcon and source its workspace.`,
  });
}
