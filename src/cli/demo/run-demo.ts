import { setTimeout as sleep } from "node:timers/promises";
import { LatentloopError } from "../../core/errors.ts";
import { LATCHED_QOS, type NodeContext } from "../../core/node.ts";
import { EPISODE_KIND, type RosMessages } from "../../messages/index.ts";
import type { LogRecord } from "../../nodes/host/host-protocol.ts";
import type { Launch } from "../../nodes/host/launch-description.ts";
import { NodeHost } from "../../nodes/host/node-host.ts";
import { LoopMeasurements } from "./loop-measurements.ts";

export interface DemoOptions {
  readonly launch: Launch;
  readonly commandRateHz: number;
  readonly episodes: number;
  readonly stopSignal: AbortSignal;
  readonly onLog: (record: LogRecord) => void;
  /** Called once the loop runs, with figures that stay up to date. */
  readonly onRunning: (measured: LoopMeasurements) => void;
  readonly onEpisode: (measured: LoopMeasurements) => void;
}

export interface DemoResult {
  readonly measured: LoopMeasurements;
  /** Folder of the bag. */
  readonly recording: string;
}

const ARMING_PATIENCE_MS = 30_000;
const ARMING_RETRY_MS = 200;
const SERVICE_PATIENCE_MS = 5000;
/** Ticks are small and frequent: none is lost while this process draws or collects garbage. */
const TICK_QOS = { reliability: "reliable", durability: "volatile", depth: 1000 } as const;

/**
 * Runs a launch description for a number of episodes: start the nodes, arm, one target after the other, halt, stop.
 *
 * @throws the first node's error; ERR_DEMO_STUCK when the loop cannot be armed or an episode does not end
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const measured = new LoopMeasurements(options.commandRateHz);
  let recording = "";
  const host = await NodeHost.start(options.launch, options);
  const ended = host.finished().then((error) => {
    throw error ?? new LatentloopError("ERR_INTERRUPTED", "The loop was stopped before its last episode.");
  });
  ended.catch(() => {}); // also when nobody waits for it any more
  try {
    const { context } = host;
    measure(context, measured);
    context.subscribe("recorder/path", "std_msgs/msg/String", ({ data }) => void (recording = data), LATCHED_QOS);
    await Promise.race([ended, arm(context)]);
    options.onRunning(measured);
    for (let episode = 0; episode < options.episodes; episode++) {
      await Promise.race([ended, arm(context)]); // the demo is its own operator: after a halt it arms again
      await Promise.race([ended, playEpisode(context, measured)]);
      options.onEpisode(measured);
    }
    await Promise.race([ended, callService(context, "control/halt")]);
  } finally {
    await host.stop();
  }
  return { measured, recording };
}

type Context = NodeContext<RosMessages>;

function measure(context: Context, measured: LoopMeasurements): void {
  context.subscribe("plan", "latentloop_msgs/msg/Plan", (plan) => measured.onPlan(plan));
  context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => measured.onTick(tick), TICK_QOS);
  context.subscribe("episode", "latentloop_msgs/msg/EpisodeEvent", (event) => measured.onEpisode(event));
}

/** The gate refuses until joint states, images and plans flow: asks again until they do. */
async function arm(context: Context): Promise<void> {
  const untilNs = context.clock.monotonicNs() + ARMING_PATIENCE_MS * 1e6;
  for (;;) {
    const { success, message } = await context.call("control/arm", SERVICE_PATIENCE_MS);
    if (success) return;
    if (context.clock.monotonicNs() > untilNs) {
      throw new LatentloopError(
        "ERR_DEMO_STUCK",
        `The control loop refused to be armed for ${ARMING_PATIENCE_MS / 1e3} s: ${message}.`,
      );
    }
    await sleep(ARMING_RETRY_MS);
  }
}

async function playEpisode(context: Context, measured: LoopMeasurements): Promise<void> {
  const before = measured.episodes.length;
  const ended = new Promise<void>((resolve) => {
    const subscription = context.subscribe("episode", "latentloop_msgs/msg/EpisodeEvent", ({ kind }) => {
      if (kind !== EPISODE_KIND.end) return;
      subscription.close();
      resolve();
    });
  });
  await callService(context, "robot/start_episode");
  await ended;
  while (measured.episodes.length === before) await sleep(1); // the other subscription hears of it in the same moment
}

async function callService(context: Context, service: string): Promise<void> {
  const { success, message } = await context.call(service, SERVICE_PATIENCE_MS);
  if (!success) throw new LatentloopError("ERR_DEMO_STUCK", `The service ${service} refused: ${message}`);
}
