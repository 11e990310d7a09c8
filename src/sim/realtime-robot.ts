import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { CameraModel } from "../core/camera.ts";
import type { Clock } from "../core/clock.ts";
import { LatentloopError } from "../core/errors.ts";
import type { RobotModel } from "../core/robot.ts";
import type { DomainShift } from "./domain-shift.ts";
import type { EnvironmentOptions, Score } from "./environment.ts";
import type { CommandKind } from "./joint-driver.ts";
import type { Faults, RealtimePorts } from "./realtime-session.ts";
import type { FromWorker, RealtimeTiming, RealtimeWorkerData, ToWorker } from "./realtime-worker.ts";

export interface RealtimeRobotOptions {
  readonly task: string;
  readonly environment?: EnvironmentOptions;
  readonly ports: RealtimePorts & {
    /** The robot refused a request, or (`fatal`) has stopped. */
    onError(error: LatentloopError, fatal: boolean): void;
  };
  readonly clock: Clock;
  /** Of every camera, 30 by default. */
  readonly imageRateHz?: number;
  /** How long a commanded velocity counts, 0.1 by default. A commanded position counts until the next one. */
  readonly commandTimeoutS?: number;
  readonly seed?: number;
}

/**
 * A simulated task as a robot with cameras in real time: physics and cameras run in a worker thread of their own.
 *
 * Joint states come at the task's command rate, pictures at the image rate, stamped with the instant they show.
 */
export class RealtimeRobot {
  readonly robot: RobotModel;
  readonly cameras: readonly CameraModel[];
  readonly #worker: Worker;
  #score: Score | undefined;
  #timing: RealtimeTiming | undefined;

  private constructor(worker: Worker, robot: RobotModel, cameras: readonly CameraModel[]) {
    this.#worker = worker;
    this.robot = robot;
    this.cameras = cameras;
  }

  /** @throws ERR_SIM_TASK if the task or a camera is unknown, or the task has no joints to command */
  static async start(options: RealtimeRobotOptions): Promise<RealtimeRobot> {
    const { clock, ports } = options;
    const data: RealtimeWorkerData = {
      task: options.task,
      environment: options.environment ?? {},
      session: {
        imageRateHz: options.imageRateHz ?? 30,
        commandTimeoutS: options.commandTimeoutS ?? 0.1,
        seed: options.seed ?? 0,
      },
      rosOffsetNs: clock.rosNs() - BigInt(Math.round(clock.monotonicNs())),
    };
    const worker = new Worker(new URL("realtime-worker.js", import.meta.url), { workerData: data });
    try {
      const [first] = (await once(worker, "message")) as [FromWorker];
      if (first.type === "error") throw new LatentloopError(first.code, first.message);
      if (first.type !== "ready" || first.robot === undefined) {
        throw new LatentloopError(
          "ERR_SIM_TASK",
          `The task ${options.task} moves no robot joints, so it cannot stand in for a robot.`,
        );
      }
      const robot = new RealtimeRobot(worker, first.robot, first.cameras);
      robot.#listen(ports);
      return robot;
    } catch (thrown) {
      await worker.terminate();
      throw thrown;
    }
  }

  #listen(ports: RealtimeRobotOptions["ports"]): void {
    this.#worker.on("message", (message: FromWorker) => {
      switch (message.type) {
        case "joints":
          return ports.onJointState(message.names, message.positions, message.velocities, message.stampNs);
        case "image":
          return ports.onImage(message.camera, message.pixels, message.stampNs);
        case "score":
          this.#score = message.score;
          return ports.onScore(message.score, message.stampNs);
        case "timing":
          this.#timing = message.timing;
          return;
        case "error":
          return ports.onError(new LatentloopError(message.code, message.message), message.fatal);
      }
    });
    this.#worker.on("error", (cause) => {
      ports.onError(new LatentloopError("ERR_INTERNAL", "The simulation worker ended by an error.", { cause }), true);
    });
  }

  /** The command in force from the next tick on, in the order of `robot.joints`. Units: rad, rad/s. */
  setCommand(kind: CommandKind, values: ArrayLike<number>): void {
    this.#send({ type: "command", kind, values: Float64Array.from(values) });
  }

  /** A new target; the robot stays where it is. */
  retarget(): void {
    this.#send({ type: "retarget" });
  }

  setShift(shift: Partial<DomainShift>): void {
    this.#send({ type: "shift", shift });
  }

  /** Replaces all faults. */
  setFaults(faults: Partial<Faults>): void {
    this.#send({ type: "faults", faults });
  }

  /** The latest score; undefined before the first control period has passed. */
  get score(): Score | undefined {
    return this.#score;
  }

  /** Refreshed once a second. */
  get timing(): RealtimeTiming | undefined {
    return this.#timing;
  }

  /** Stops the world and waits for the thread to end. */
  async close(): Promise<void> {
    if (this.#worker.threadId < 0) return; // it has ended already
    const ended = once(this.#worker, "exit");
    this.#send({ type: "close" });
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}
