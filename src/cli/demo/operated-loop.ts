import { setTimeout as sleep } from "node:timers/promises";
import { LatentloopError } from "../../core/errors.ts";
import { LATCHED_QOS, type NodeContext } from "../../core/node.ts";
import { EPISODE_KIND, type RosMessages } from "../../messages/index.ts";
import type { LogRecord } from "../../nodes/host/host-protocol.ts";
import type { Launch } from "../../nodes/host/launch-description.ts";
import { NodeHost } from "../../nodes/host/node-host.ts";
import { armLoop } from "../arm.ts";
import { LoopMeasurements } from "./loop-measurements.ts";

export interface OperatedLoopOptions {
  readonly launch: Launch;
  readonly commandRateHz: number;
  readonly stopSignal: AbortSignal;
  readonly onLog: (record: LogRecord) => void;
}

const SERVICE_PATIENCE_MS = 5000;
/** Ticks are small and frequent: none is lost while this process draws or collects garbage. */
const TICK_QOS = { reliability: "reliable", durability: "volatile", depth: 1000 } as const;

/** The nodes of a launch description at work, with somebody who arms the robot, sets its targets and reads the figures. */
export class OperatedLoop {
  readonly measured: LoopMeasurements;
  readonly context: NodeContext<RosMessages>;
  readonly #host: NodeHost;
  readonly #ended: Promise<never>;
  #recording = "";

  private constructor(host: NodeHost, commandRateHz: number) {
    this.#host = host;
    this.context = host.context;
    this.measured = new LoopMeasurements(commandRateHz);
    this.#ended = host.finished().then((error) => {
      throw error ?? new LatentloopError("ERR_INTERRUPTED", "The loop was stopped before its last episode.");
    });
    this.#ended.catch(() => {}); // also when nobody waits for it any more
    this.#listen();
  }

  /** Starts the nodes and arms the robot. @throws the first node's error; ERR_DEMO_STUCK when it cannot be armed */
  static async start({ launch, commandRateHz, ...options }: OperatedLoopOptions): Promise<OperatedLoop> {
    const loop = new OperatedLoop(await NodeHost.start(launch, options), commandRateHz);
    try {
      await loop.arm();
      return loop;
    } catch (thrown) {
      await loop.stop();
      throw thrown;
    }
  }

  /** Folder of the bag; empty where nothing is recorded. */
  get recording(): string {
    return this.#recording;
  }

  async arm(): Promise<void> {
    await this.#unlessEnded(armLoop(this.context, "control/arm", "ERR_DEMO_STUCK"));
  }

  /** One target after the present one; the operator arms again if the robot halted before. */
  async playEpisode(): Promise<void> {
    await this.arm();
    await this.#unlessEnded(this.#playEpisode());
  }

  /** @throws ERR_DEMO_STUCK if the service refuses */
  async call(service: string): Promise<void> {
    const { success, message } = await this.#unlessEnded(this.context.call(service, SERVICE_PATIENCE_MS));
    if (!success) throw new LatentloopError("ERR_DEMO_STUCK", `The service ${service} refused: ${message}`);
  }

  /** Stops all nodes in order. */
  stop(): Promise<void> {
    return this.#host.stop();
  }

  async #playEpisode(): Promise<void> {
    const before = this.measured.episodes.length;
    const ended = new Promise<void>((resolve) => {
      const subscription = this.context.subscribe("episode", "latentloop_msgs/msg/EpisodeEvent", ({ kind }) => {
        if (kind !== EPISODE_KIND.end) return;
        subscription.close();
        resolve();
      });
    });
    await this.call("robot/start_episode");
    await ended;
    while (this.measured.episodes.length === before) await sleep(1); // the other subscription hears of it in the same moment
  }

  /** While the nodes stop, what fails fails because of that. */
  async #unlessEnded<T>(work: Promise<T>): Promise<T> {
    try {
      return await Promise.race([this.#ended, work]);
    } catch (thrown) {
      if (this.#host.isStopping) return this.#ended;
      throw thrown;
    }
  }

  #listen(): void {
    const { context, measured } = this;
    context.subscribe("plan", "latentloop_msgs/msg/Plan", (plan) => measured.onPlan(plan));
    context.subscribe("control/tick", "latentloop_msgs/msg/Tick", (tick) => measured.onTick(tick), TICK_QOS);
    context.subscribe("episode", "latentloop_msgs/msg/EpisodeEvent", (event) => measured.onEpisode(event));
    context.subscribe("recorder/path", "std_msgs/msg/String", ({ data }) => void (this.#recording = data), LATCHED_QOS);
  }
}
