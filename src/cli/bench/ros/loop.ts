import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../../config/package-root.ts";
import { LatentloopError, messageOf } from "../../../core/errors.ts";
import { LATCHED_QOS, type NodeContext } from "../../../core/node.ts";
import type { Samples } from "../../../math/samples.ts";
import type { RosMessages } from "../../../messages/index.ts";
import { REAL_TIME_NODE_OPTIONS } from "../../../nodes/control/real-time-heap.ts";
import { resolveLaunch } from "../../../nodes/host/launch-description.ts";
import { LoopMeasurements } from "../../demo/loop-measurements.ts";
import { runDemo } from "../../demo/run-demo.ts";
import { measureCamera, SUBSCRIBERS, VGA } from "./camera.ts";
import { lastLine, PATIENCE_MS, PEERS, PUNCTUAL, run, until } from "./programs.ts";

const COMMAND_RATE_HZ = 100;
const LATENTLOOP = join(root, "dist", "src", "cli", "main.js");
const START_MS = 60_000;
const MODEL = join(root, "models", "reach-keypoint");
const ROBOT = join(root, "calibration", "robots", "planar-arm.yaml");

type Report = (line: string) => void;

/** Simulated robot, camera, world model and control, each a ROS process; a camera publishes beside them. */
export async function loopOverRos(
  context: NodeContext<RosMessages>,
  { isRealTime, seconds, log }: { readonly isRealTime: boolean; readonly seconds: number; readonly log: Report },
) {
  const measured = new LoopMeasurements(COMMAND_RATE_HZ);
  let activeMs = Number.NaN;
  let plans = 0;
  let counts = false;
  const onStatus = ({ data }: { data: string }) => {
    if (Number.isNaN(activeMs) && data !== "inactive") activeMs = performance.now();
  };
  const subscriptions = [
    context.subscribe("control/status", "std_msgs/msg/String", onStatus, LATCHED_QOS),
    context.subscribe("plan", "latentloop_msgs/msg/Plan", (plan) => {
      plans++;
      if (counts) measured.onPlan(plan);
    }),
    context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => counts && measured.onTick(tick)),
  ];
  const given = ["-p", "autostart:=true", "-p", `model:=${MODEL}`, "-p", `robot:=${ROBOT}`];
  const node = (kind: string, ...extra: string[]) => {
    const options = kind === "control" ? REAL_TIME_NODE_OPTIONS : [];
    const args = [...options, LATENTLOOP, "ros", "node", kind, "--ros-args", ...given, ...extra];
    const isPunctual = isRealTime && (kind === "control" || kind === "camera_ingest");
    return isPunctual ? run("chrt", [...PUNCTUAL, ...args]) : run(process.execPath, args);
  };
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
    const rate = ["-p", `rate_hz:=${COMMAND_RATE_HZ.toFixed(1)}`, "-p", `seconds:=${seconds.toFixed(1)}`];
    const meter = run("ros2", ["run", PEERS, "interval_meter", "--ros-args", ...rate]);
    const [jitter, beside] = await Promise.all([
      lastLine(meter, seconds * 1000 + PATIENCE_MS),
      measureCamera({ ...SUBSCRIBERS.latentloop, name: "a camera beside the loop" }, VGA, seconds, log),
    ]);
    return {
      control_start_to_active_s: (activeMs - beganMs) / 1e3,
      start_to_first_plan_s: startS,
      command_jitter: jitter,
      ...figuresOf(measured),
      camera: beside,
    };
  } finally {
    for (const { process: child } of children) child.kill("SIGINT");
    await Promise.all(children.map(({ process: child }) => child.exitCode ?? once(child, "exit")));
    for (const subscription of subscriptions) subscription.close();
  }
}

/** The same nodes and model in threads of one process. */
export async function loopEmbedded(episodes: number, log: Report) {
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
