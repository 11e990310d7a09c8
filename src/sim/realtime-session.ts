import { Rng } from "../core/rng.ts";
import type { DomainShift } from "./domain-shift.ts";
import type { Score, SimulatedEnvironment } from "./environment.ts";
import type { CommandKind } from "./joint-driver.ts";

/** Where the readings of a simulated robot go. Arrays are borrowed: valid during the call. */
export interface RealtimePorts {
  onJointState(names: readonly string[], positions: Float64Array, velocities: Float64Array, stampNs: bigint): void;
  /** Shapes: pixels [height, width, 3] rgb, of the size in `RealtimeRobot.cameras`. */
  onImage(camera: string, pixels: Uint8Array, stampNs: bigint): void;
  /** The task's reward and success, at its control rate. A real robot has no such thing. */
  onScore(score: Score, stampNs: bigint): void;
}

/** What can be wrong with the robot, for tests and rehearsals. */
export interface Faults {
  /** Cameras that repeat their last picture with new stamps. */
  readonly frozenCameras: readonly string[];
  /** Cameras that send nothing. */
  readonly stoppedCameras: readonly string[];
  readonly silentJoints: boolean;
  /** Added to every stamp. */
  readonly clockJumpNs: bigint;
  /** The order in which joints are reported, as indices; undefined is the robot's own. */
  readonly jointOrder: readonly number[] | undefined;
}

export const NO_FAULTS: Faults = {
  frozenCameras: [],
  stoppedCameras: [],
  silentJoints: false,
  clockJumpNs: 0n,
  jointOrder: undefined,
};

export interface RealtimeSessionOptions {
  readonly imageRateHz: number;
  /** A commanded velocity counts for this long; then the robot stands still until the next one. */
  readonly commandTimeoutS: number;
  /** Seed of the targets that `retarget` draws. */
  readonly seed: number;
}

interface CameraSchedule {
  readonly name: string;
  readonly pixels: Uint8Array;
  nextTick: number;
  frames: number;
}

/**
 * A simulated robot with cameras, tick by tick, without a clock of its own: whoever calls `tick` keeps time.
 *
 * Each tick acts on the command in force, advances the world by one command period and reports the joints; at most one
 * picture is drawn per tick, so that no tick takes long.
 */
export class RealtimeSession {
  readonly #environment: SimulatedEnvironment;
  readonly #ports: RealtimePorts;
  readonly #options: RealtimeSessionOptions;
  readonly #rng: Rng;
  readonly #ticksPerStep: number;
  readonly #timeoutTicks: number;
  readonly #cameras: readonly CameraSchedule[];
  readonly #names: readonly string[];
  readonly #positions: Float64Array;
  readonly #velocities: Float64Array;
  #reported: { names: readonly string[]; positions: Float64Array; velocities: Float64Array };
  #faults: Faults = NO_FAULTS;
  #tick = 0;
  /** Tick at which a commanded velocity runs out. */
  #expiryTick = Number.POSITIVE_INFINITY;

  constructor(environment: SimulatedEnvironment, ports: RealtimePorts, options: RealtimeSessionOptions) {
    this.#environment = environment;
    this.#ports = ports;
    this.#options = options;
    this.#rng = new Rng(options.seed);
    this.#ticksPerStep = Math.round(environment.commandRateHz / environment.controlRateHz);
    this.#timeoutTicks = Math.ceil(options.commandTimeoutS * environment.commandRateHz);
    this.#cameras = environment.observationSpace.cameras.map(({ name, width, height }) => ({
      name,
      pixels: new Uint8Array(width * height * 3),
      nextTick: 1,
      frames: 0,
    }));
    this.#names = environment.robot?.joints.map(({ name }) => name) ?? [];
    this.#positions = new Float64Array(this.#names.length);
    this.#velocities = new Float64Array(this.#names.length);
    this.#reported = { names: this.#names, positions: this.#positions, velocities: this.#velocities };
  }

  /** The command in force from the next tick on. @throws as `JointDriver.command` */
  setCommand(kind: CommandKind, values: ArrayLike<number>): void {
    this.#environment.applyCommand(kind, values);
    this.#expiryTick = kind === "position" ? Number.POSITIVE_INFINITY : this.#tick + this.#timeoutTicks;
  }

  retarget(): void {
    this.#environment.retarget(this.#rng);
  }

  setShift(shift: Partial<DomainShift>): void {
    this.#environment.setShift(shift);
  }

  setFaults(faults: Partial<Faults>): void {
    this.#faults = { ...NO_FAULTS, ...faults };
    const order = this.#faults.jointOrder;
    this.#reported =
      order === undefined
        ? { names: this.#names, positions: this.#positions, velocities: this.#velocities }
        : {
            names: order.map((joint) => this.#names[joint]!),
            positions: new Float64Array(order.length),
            velocities: new Float64Array(order.length),
          };
  }

  /** One command period without reports: to catch up with the time. @throws ERR_PHYSICS_UNSTABLE */
  skip(): void {
    this.#advance();
  }

  /**
   * One command period that ends at `stampNs` on the ROS clock.
   * @throws ERR_PHYSICS_UNSTABLE
   */
  tick(stampNs: bigint): void {
    this.#advance();
    const stamp = stampNs + this.#faults.clockJumpNs;
    if (!this.#faults.silentJoints) this.#reportJoints(stamp);
    if (this.#tick % this.#ticksPerStep === 0) this.#ports.onScore(this.#environment.score(), stamp);
    this.#takePicture(stamp);
  }

  #advance(): void {
    if (this.#tick >= this.#expiryTick) {
      this.#environment.applyCommand("hold", []);
      this.#expiryTick = Number.POSITIVE_INFINITY;
    }
    this.#environment.advance(1 / this.#environment.commandRateHz);
    this.#tick++;
  }

  #reportJoints(stampNs: bigint): void {
    this.#environment.jointsInto(this.#positions, this.#velocities);
    const { names, positions, velocities } = this.#reported;
    const order = this.#faults.jointOrder;
    order?.forEach((joint, i) => {
      positions[i] = this.#positions[joint]!;
      velocities[i] = this.#velocities[joint]!;
    });
    this.#ports.onJointState(names, positions, velocities, stampNs);
  }

  /** Draws the camera that has been due the longest. */
  #takePicture(stampNs: bigint): void {
    let due: CameraSchedule | undefined;
    for (const camera of this.#cameras) {
      if (camera.nextTick <= this.#tick && (due === undefined || camera.nextTick < due.nextTick)) due = camera;
    }
    if (due === undefined) return;
    const ticksPerFrame = this.#environment.commandRateHz / this.#options.imageRateHz;
    due.frames = Math.max(due.frames + 1, Math.floor((this.#tick - 1) / ticksPerFrame)); // skips frames missed for good
    due.nextTick = 1 + Math.ceil(due.frames * ticksPerFrame);
    if (this.#faults.stoppedCameras.includes(due.name)) return;
    if (!this.#faults.frozenCameras.includes(due.name)) this.#environment.renderInto(due.name, due.pixels);
    this.#ports.onImage(due.name, due.pixels, stampNs);
  }
}
