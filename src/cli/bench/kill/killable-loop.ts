import { setTimeout as sleep } from "node:timers/promises";
import { LATCHED_QOS } from "../../../core/node.ts";
import { CONTROL_STATUS, type ControlStatus } from "../../../core/status.ts";
import type { Launch } from "../../../nodes/host/launch-description.ts";
import { NodeHost } from "../../../nodes/host/node-host.ts";
import { waitFor } from "./wait-for.ts";

/** Nodes that are killed, each alone in the process of its name. */
export const VICTIMS = ["control", "world_model", "recorder", "trainer"] as const;
export type Victim = (typeof VICTIMS)[number];

export interface Aftermath {
  /** From the kill until the arm's last motion; undefined where it is meant to go on. */
  readonly restMs: number | undefined;
  /** Whether the control loop brought it to rest. */
  readonly halted: boolean;
  /** Whether the arm moved again before anybody armed it. */
  readonly movedByItself: boolean;
}

/** A trainer stands back behind all else on the machine. */
const PATIENCE_MS = 300_000;
const STATUSES = Object.keys(CONTROL_STATUS) as ControlStatus[];
/** Slower than this a joint is at rest, after it was so for `STILL_MS`. */
const REST_RAD_PER_S = 0.02;
const STILL_MS = 500;
/** How long an arm that is meant to go on is watched. */
const WATCH_MS = 1000;
const EPISODE_PERIOD_MS = 1500;

/** A running loop whose processes may be killed, as seen from the process of the robot. */
export class KillableLoop {
  readonly #host: NodeHost;
  status: ControlStatus = "disarmed";
  #halts = 0;
  #movedMs = 0;
  #plans = 0;
  #bag = "";
  #progress = 0;

  private constructor(host: NodeHost) {
    this.#host = host;
    const { context } = host;
    context.subscribe("control/tick", "latentloop_msgs/msg/Tick", ({ status }) => {
      this.status = STATUSES[status]!;
      if (this.status === "halting" || this.status === "holding") this.#halts++;
    });
    context.subscribe("joint_states", "sensor_msgs/msg/JointState", ({ velocity }) => {
      if (Array.from(velocity).some((speed) => Math.abs(speed) > REST_RAD_PER_S)) this.#movedMs = performance.now();
    });
    context.subscribe("plan", "latentloop_msgs/msg/Plan", () => void this.#plans++);
    context.subscribe("recorder/path", "std_msgs/msg/String", ({ data }) => void (this.#bag = data), LATCHED_QOS);
    const onProgress = (): void => void this.#progress++;
    context.subscribe("trainer/progress", "latentloop_msgs/msg/TrainingProgress", onProgress, LATCHED_QOS);
  }

  static async start(launch: Launch): Promise<KillableLoop> {
    const loop = new KillableLoop(await NodeHost.start(launch, { onLog: () => {} }));
    await loop.armed();
    return loop;
  }

  stop(): Promise<void> {
    return this.#host.stop();
  }

  /** Lets the arm follow one target after another for so long. */
  async keepMoving(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= EPISODE_PERIOD_MS) {
      await this.#host.context.call("robot/start_episode", PATIENCE_MS);
      await sleep(Math.min(left, EPISODE_PERIOD_MS));
    }
  }

  /** Kills the process of a node and watches the arm. */
  async kill(victim: Victim): Promise<Aftermath> {
    const beganMs = performance.now();
    const halts = this.#halts;
    process.kill(this.#host.processIdOf(victim)!, "SIGKILL");
    if (victim === "recorder" || victim === "trainer") {
      await sleep(WATCH_MS);
      return { restMs: undefined, halted: this.#halts > halts, movedByItself: false };
    }
    await waitFor("the arm at rest", PATIENCE_MS, () => {
      const nowMs = performance.now();
      return nowMs - Math.max(beganMs, this.#movedMs) > STILL_MS;
    });
    const lastMovedMs = this.#movedMs;
    const restMs = Math.max(0, lastMovedMs - beganMs);
    if (victim === "control") return { restMs, halted: false, movedByItself: false };
    const plans = this.#plans;
    await waitFor("plans of the new world model", PATIENCE_MS, () => this.#plans > plans + 5);
    const movedByItself = this.#movedMs > lastMovedMs || this.status === "tracking";
    return { restMs, halted: this.#halts > halts, movedByItself };
  }

  /** Arms the loop, as an operator does, until it follows plans. */
  async armed(): Promise<void> {
    await waitFor("the loop to follow plans", PATIENCE_MS, async () => {
      if (this.status !== "tracking") await this.#host.context.call("control/arm", PATIENCE_MS).catch(() => {});
      await sleep(50);
      return this.status === "tracking";
    });
  }

  /** Waits until a victim is there again and does what it is there for. */
  async running(victim: Victim, before: Evidence): Promise<void> {
    await waitFor(`${victim} to run again`, PATIENCE_MS, () => {
      if (this.#host.state(victim) !== "active") return false;
      if (victim === "recorder") return this.#bag !== before.bag;
      return victim !== "trainer" || this.#progress > before.progress;
    });
  }

  /** What the recorder and the trainer have shown so far, to tell when they go on. */
  evidence(): Evidence {
    return { bag: this.#bag, progress: this.#progress };
  }
}

export interface Evidence {
  readonly bag: string;
  readonly progress: number;
}
