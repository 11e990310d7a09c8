import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../../config/package-root.ts";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { NodeContext } from "../../core/node.ts";
import { Samples } from "../../math/samples.ts";
import type { RosMessages } from "../../messages/index.ts";
import { resolveLaunch } from "../../nodes/host/launch-description.ts";
import { openRosContext } from "../../ros/index.ts";
import { LoopMeasurements } from "../demo/loop-measurements.ts";
import { runDemo } from "../demo/run-demo.ts";
import { runProgram } from "../doctor/run-program.ts";
import type { BenchOptions } from "./suite.ts";

const RATE_HZ = 30;
const COMMAND_RATE_HZ = 100;
const PEERS = "latentloop_peers";
const WORKER = fileURLToPath(new URL("./ros-image-worker.js", import.meta.url));
const LATENTLOOP = join(root, "dist", "src", "cli", "main.js");
const START_MS = 60_000;
/** A publisher waits for its subscriber, and both for each other. */
const PATIENCE_MS = 30_000;
const MODEL = join(root, "models", "reach-keypoint");
const ROBOT = join(root, "calibration", "robots", "planar-arm.yaml");

interface CameraFigures {
  readonly received: number;
  readonly sent: number;
  readonly rate_hz: number;
  readonly dropped: number;
  /** From the stamp before publishing to the reduced image. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Of one core. */
  readonly cpu_percent: number;
  /** After the first quarter of the images. */
  readonly rss_growth_mb?: number;
}

/**
 * Our nodes on a real ROS 2: camera images from a C++ publisher to model images beside rclpy with numpy and rclcpp doing the
 * same reduction; then the closed loop over ROS topics under that load, beside the embedded transport.
 */
export async function benchRos({ seconds = 60, log }: BenchOptions) {
  await checkPeers();
  const vga = { width: 640, height: 480 };
  const twins = {
    latentloop: await camera("latentloop", process.execPath, [WORKER], vga, seconds, log),
    rclpy: await camera("rclpy", "ros2", ["run", PEERS, "image_reducer.py"], vga, seconds, log),
    rclcpp: await camera("rclcpp", "ros2", ["run", PEERS, "image_reducer"], vga, seconds, log),
  };
  const hd = { width: 1280, height: 720 };
  const pair = await Promise.all(
    ["left", "right"].map((name) => camera(`latentloop ${name}`, process.execPath, [WORKER], hd, seconds, log, name)),
  );
  const ros = await loopOverRos(seconds, log);
  const embedded = await loopEmbedded(Math.max(1, Math.round(seconds / 5)), log);
  return {
    seconds,
    camera_640x480: twins,
    against_rclpy: twins.latentloop.p50_ms / twins.rclpy.p50_ms,
    against_rclcpp: twins.latentloop.p50_ms / twins.rclcpp.p50_ms,
    two_cameras_1280x720: pair,
    loop: { ros, embedded },
  };
}

async function checkPeers(): Promise<void> {
  if ((await runProgram("ros2", ["pkg", "prefix", PEERS])) !== undefined) return;
  throw new LatentloopError("ERR_BENCH", `Expected the ROS 2 package ${PEERS} but ros2 does not find it.`, {
    remedy: `Build ros/${PEERS} with colcon and source its workspace.`,
  });
}

async function camera(
  name: string,
  program: string,
  args: readonly string[],
  { width, height }: { width: number; height: number },
  seconds: number,
  log: (line: string) => void,
  namespace = "bench",
): Promise<CameraFigures> {
  const sent = RATE_HZ * seconds;
  const ns = ["-r", `__ns:=/${namespace}`];
  const expected = program === process.execPath ? [String(sent)] : [];
  const reducer = run(program, [...args, ...expected, "--ros-args", ...ns, "-p", `expected:=${sent}`]);
  const size = ["-p", `width:=${width}`, "-p", `height:=${height}`, "-p", `seconds:=${seconds.toFixed(1)}`];
  const publisher = run("ros2", ["run", PEERS, "image_publisher", "--ros-args", ...ns, ...size]);
  const limitMs = seconds * 1000 + PATIENCE_MS;
  const [result] = await Promise.all([lastLine(reducer, limitMs), lastLine(publisher, limitMs)]);
  const { received, p50_ms, p99_ms, cpu_s, rss_growth_mb } = result as Record<string, number>;
  const figures: CameraFigures = {
    received: received!,
    sent,
    rate_hz: received! / seconds,
    dropped: sent - received!,
    p50_ms: p50_ms!,
    p99_ms: p99_ms!,
    cpu_percent: (100 * cpu_s!) / seconds,
    ...(rss_growth_mb === undefined ? {} : { rss_growth_mb }),
  };
  log(
    `${name} ${width}×${height}: ${figures.rate_hz.toFixed(1)} Hz, p50 ${p50_ms!.toFixed(2)} ms, p99 ${p99_ms!.toFixed(2)} ms`,
  );
  return figures;
}

/** Simulated robot, camera, world model and control, each a ROS process; a camera publishes beside them. */
async function loopOverRos(seconds: number, log: (line: string) => void) {
  const { context, close } = await openRosContext("bench");
  const measured = new LoopMeasurements(COMMAND_RATE_HZ);
  const intervalsMs = new Samples();
  let lastCommandNs = Number.NaN;
  context.subscribe("commands", "std_msgs/msg/Float64MultiArray", (_, { receivedNs }) => {
    if (!Number.isNaN(lastCommandNs))
      intervalsMs.add(Math.abs((receivedNs - lastCommandNs) / 1e6 - 1e3 / COMMAND_RATE_HZ));
    lastCommandNs = receivedNs;
  });
  let plans = 0;
  let counts = false;
  context.subscribe("plan", "latentloop_msgs/msg/Plan", (plan) => {
    plans++;
    if (counts) measured.onPlan(plan);
  });
  context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => counts && measured.onTick(tick));
  const given = ["-p", "autostart:=true", "-p", `model:=${MODEL}`, "-p", `robot:=${ROBOT}`];
  const node = (kind: string, ...extra: string[]) =>
    run(process.execPath, [LATENTLOOP, "ros", "node", kind, "--ros-args", ...given, ...extra]);
  const beganMs = performance.now();
  const children = [
    node("simulated_robot", "-p", "task:=reach"),
    node("camera_ingest", "-p", "camera:=scene"),
    node("world_model"),
    node("control"),
  ];
  try {
    await until(() => plans > 0, START_MS);
    const startS = (performance.now() - beganMs) / 1e3;
    await armed(context);
    counts = true;
    const load = await camera(
      "load beside the loop",
      process.execPath,
      [WORKER],
      { width: 640, height: 480 },
      seconds,
      log,
    );
    return { start_to_first_plan_s: startS, command_jitter_ms: percentiles(intervalsMs), ...figuresOf(measured), load };
  } finally {
    for (const { process: child } of children) child.kill("SIGINT");
    await Promise.all(children.map(({ process: child }) => child.exitCode ?? once(child, "exit")));
    close();
  }
}

async function loopEmbedded(episodes: number, log: (line: string) => void) {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-"));
  const node = (name: string, kind: string, parameters: Record<string, unknown>) => ({
    name,
    kind,
    process: "main",
    parameters,
    remap: {},
    onFailure: "stop" as const,
  });
  const launch = await resolveLaunch(
    {
      name: "bench",
      namespace: "",
      peers: [],
      plainTcp: false,
      nodes: [
        node("robot", "simulated-robot", { task: "reach" }),
        node("camera_ingest", "camera-ingest", { model: MODEL, camera: "scene" }),
        node("world_model", "world-model", { model: MODEL, robot: ROBOT }),
        node("control", "control", { model: MODEL, robot: ROBOT }),
      ],
    },
    folder,
  );
  try {
    const { measured } = await runDemo({
      launch,
      commandRateHz: COMMAND_RATE_HZ,
      episodes,
      stopSignal: new AbortController().signal,
      onLog: () => {},
      onRunning: () => log("the same loop on the embedded transport"),
      onEpisode: () => {},
    });
    return figuresOf(measured);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function figuresOf(measured: LoopMeasurements) {
  return {
    ticks: measured.ticks,
    missed_ticks: measured.missedTicks,
    tick_lateness_us: percentiles(measured.latenessUs),
    camera_to_command_ms: percentiles(measured.cameraToCommandMs),
    plan_ms: percentiles(measured.planMs),
  };
}

function percentiles(samples: Samples) {
  return { p50: samples.percentile(0.5), p99: samples.percentile(0.99), max: samples.max };
}

async function armed(context: NodeContext<RosMessages>): Promise<void> {
  let refusal = "";
  await until(async () => {
    const { success, message } = await context.call("control/arm", START_MS);
    refusal = message;
    return success;
  }, START_MS).catch((cause: unknown) => {
    throw new LatentloopError("ERR_BENCH", `${messageOf(cause)} The control node said: ${refusal}.`, { cause });
  });
}

interface Program {
  readonly process: ChildProcess;
  readonly output: () => string;
}

function run(program: string, args: readonly string[]): Program {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return { process: child, output: () => text };
}

/** The JSON that a program prints last. @throws ERR_BENCH if it ends without, or too late */
async function lastLine({ process: child, output }: Program, limitMs: number): Promise<unknown> {
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  await once(child, "close");
  clearTimeout(timer);
  try {
    return JSON.parse(output().trim().split("\n").at(-1) ?? "");
  } catch (cause) {
    throw new LatentloopError(
      "ERR_BENCH",
      `Expected a result of ${child.spawnargs.join(" ")} but it ended without one.`,
      {
        cause,
      },
    );
  }
}

async function until(isTrue: () => boolean | Promise<boolean>, limitMs: number): Promise<void> {
  const untilMs = performance.now() + limitMs;
  while (!(await isTrue())) {
    if (performance.now() > untilMs)
      throw new LatentloopError("ERR_BENCH", `The loop over ROS 2 did not run within ${limitMs / 1e3} s.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
