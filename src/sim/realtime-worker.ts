import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { CameraModel } from "../core/camera.ts";
import { systemClock } from "../core/clock.ts";
import { type ErrorCode, LatentloopError, messageOf } from "../core/errors.ts";
import type { RobotModel } from "../core/robot.ts";
import type { DomainShift } from "./domain-shift.ts";
import type { EnvironmentOptions, Score, SimulatedEnvironment } from "./environment.ts";
import { createEnvironment } from "./index.ts";
import type { CommandKind } from "./joint-driver.ts";
import { type Faults, type RealtimePorts, RealtimeSession, type RealtimeSessionOptions } from "./realtime-session.ts";

/** What the worker is started with. */
export interface RealtimeWorkerData {
  readonly task: string;
  readonly environment: EnvironmentOptions;
  readonly session: RealtimeSessionOptions;
  /** ROS clock minus monotonic clock, as the owner sees them. */
  readonly rosOffsetNs: bigint;
}

export type ToWorker =
  | { readonly type: "command"; readonly kind: CommandKind; readonly values: Float64Array }
  | { readonly type: "retarget" }
  | { readonly type: "shift"; readonly shift: Partial<DomainShift> }
  | { readonly type: "faults"; readonly faults: Partial<Faults> }
  | { readonly type: "close" };

export type FromWorker =
  | { readonly type: "ready"; readonly robot: RobotModel | undefined; readonly cameras: readonly CameraModel[] }
  | {
      readonly type: "joints";
      readonly names: readonly string[];
      readonly positions: Float64Array;
      readonly velocities: Float64Array;
      readonly stampNs: bigint;
    }
  | { readonly type: "image"; readonly camera: string; readonly pixels: Uint8Array; readonly stampNs: bigint }
  | { readonly type: "score"; readonly score: Score; readonly stampNs: bigint }
  | { readonly type: "timing"; readonly timing: RealtimeTiming }
  /** A request that the robot refused; it goes on. `fatal`: it has stopped. */
  | { readonly type: "error"; readonly code: ErrorCode; readonly message: string; readonly fatal: boolean };

/** How well the simulation keeps up with the time, since its start. */
export interface RealtimeTiming {
  readonly ticks: number;
  /** Ticks whose reports were left out because the next one was already due. */
  readonly skippedTicks: number;
  /** Simulated time that was given up because the machine stood still for longer than could be caught up. */
  readonly lostNs: number;
  readonly meanLatenessNs: number;
  readonly maxLatenessNs: number;
}

/** A longer standstill is not caught up: the simulated time is late for good. */
const CATCH_UP_NS = 100e6;

const port = parentPort;
if (port === null) throw new LatentloopError("ERR_INTERNAL", "The simulation worker was started outside of a worker.");
const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

function reportError(thrown: unknown, fatal: boolean): void {
  const code = thrown instanceof LatentloopError ? thrown.code : "ERR_INTERNAL";
  send({ type: "error", code, message: messageOf(thrown), fatal });
}

const ports: RealtimePorts = {
  onJointState: (names, positions, velocities, stampNs) =>
    send({ type: "joints", names, positions, velocities, stampNs }),
  onImage(camera, pixels, stampNs) {
    const copy = pixels.slice();
    send({ type: "image", camera, pixels: copy, stampNs }, [copy.buffer]);
  },
  onScore: (score, stampNs) => send({ type: "score", score, stampNs }),
};

/** Handles what the owner has sent; false once it asked to close. The thread never returns to its event loop. */
function receive(session: RealtimeSession): boolean {
  for (let received = receiveMessageOnPort(port!); received; received = receiveMessageOnPort(port!)) {
    const message = received.message as ToWorker;
    try {
      switch (message.type) {
        case "command":
          session.setCommand(message.kind, message.values);
          break;
        case "retarget":
          session.retarget();
          break;
        case "shift":
          session.setShift(message.shift);
          break;
        case "faults":
          session.setFaults(message.faults);
          break;
        case "close":
          return false;
      }
    } catch (thrown) {
      reportError(thrown, false);
    }
  }
  return true;
}

/** Runs everything that a tick runs until it is compiled: the first calls are slow and would be late. */
function warmUp(environment: SimulatedEnvironment): void {
  const state = environment.saveState();
  for (let i = 0; i < 100; i++) environment.advance(1 / environment.commandRateHz);
  environment.restoreState(state);
  for (const { name, width, height } of environment.observationSpace.cameras) {
    const pixels = new Uint8Array(width * height * 3);
    for (let i = 0; i < 20; i++) environment.renderInto(name, pixels);
  }
}

/** Ticks on absolute deadlines until the owner closes the robot or the physics diverges. */
function run(environment: SimulatedEnvironment, session: RealtimeSession, rosOffsetNs: bigint): void {
  const clock = systemClock();
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const periodNs = 1e9 / environment.commandRateHz;
  let originNs = clock.monotonicNs();
  let [tick, ticks, skippedTicks, lostNs, latenessSumNs, maxLatenessNs] = [0, 0, 0, 0, 0, 0];
  while (receive(session)) {
    let deadlineNs = originNs + (tick + 1) * periodNs;
    const waitMs = (deadlineNs - clock.monotonicNs()) / 1e6;
    if (waitMs > 0) Atomics.wait(pause, 0, 0, waitMs);
    const latenessNs = clock.monotonicNs() - deadlineNs;
    if (latenessNs > CATCH_UP_NS) {
      originNs += latenessNs;
      deadlineNs += latenessNs;
      lostNs += latenessNs;
    }
    tick++;
    ticks++;
    latenessSumNs += Math.max(0, latenessNs);
    maxLatenessNs = Math.max(maxLatenessNs, latenessNs);
    if (clock.monotonicNs() >= deadlineNs + periodNs) {
      skippedTicks++;
      session.skip();
    } else {
      session.tick(BigInt(Math.round(deadlineNs)) + rosOffsetNs);
    }
    if (ticks % environment.commandRateHz === 0) {
      const meanLatenessNs = latenessSumNs / ticks;
      send({ type: "timing", timing: { ticks, skippedTicks, lostNs, meanLatenessNs, maxLatenessNs } });
    }
  }
}

const { task, environment: options, session: sessionOptions, rosOffsetNs } = workerData as RealtimeWorkerData;
try {
  using environment = await createEnvironment(task, options);
  const session = new RealtimeSession(environment, ports, sessionOptions);
  const cameras = environment.observationSpace.cameras.map(({ name }) => environment.cameraModel(name));
  warmUp(environment);
  send({ type: "ready", robot: environment.robot, cameras });
  run(environment, session, rosOffsetNs);
} catch (thrown) {
  reportError(thrown, true);
}
port.close();
