import { LatentloopError } from "../core/errors.ts";
import type { Physics } from "./physics.ts";
import type { Actuation } from "./task.ts";

/** What one command vector holds: `hold` is a robot that has been told nothing. Units: rad, rad/s, control signal. */
export type CommandKind = "hold" | "position" | "velocity" | "effort";
const KINDS: readonly CommandKind[] = ["hold", "position", "velocity", "effort"];

const ACCEPTED: Readonly<Record<Actuation["kind"], readonly CommandKind[]>> = {
  effort: ["hold", "effort"],
  velocity: ["hold", "velocity"],
  position: ["hold", "position", "velocity"],
};

/** What a shifted robot does differently with its commands. */
export interface DriveShift {
  /** Share of a commanded velocity or effort that is executed. A position is absolute and stays what it is. */
  readonly commandGain: number;
  /** Ticks between receiving a command and acting on it. */
  readonly delayTicks: number;
}

/**
 * The robot's servo level: takes a command, acts on it tick by tick.
 *
 * Fast mode and real-time mode both drive the joints through here, so a policy meets the same robot in training and in
 * deployment. Timing: `command` and `tick` allocate nothing.
 */
export class JointDriver {
  readonly #physics: Physics;
  readonly #actuation: Actuation;
  readonly #tickS: number;
  readonly #substeps: number;
  readonly #actuatorIds: Int32Array;
  readonly #count: number;
  /** Position targets, for position servos. */
  readonly #target: Float64Array;
  /** The command in force, as its kind's index and its values. */
  readonly #latest: Float64Array;
  /** The last delayTicks + 1 commands, one row each. */
  #delayLine: Float64Array;
  #next = 0;
  #shift: DriveShift = { commandGain: 1, delayTicks: 0 };
  readonly #qposAddress: Int32Array;

  /** @throws ERR_SIM_MODEL if a tick is no whole number of physics steps, or an actuator is missing */
  constructor(physics: Physics, actuation: Actuation, commandRateHz: number) {
    this.#physics = physics;
    this.#actuation = actuation;
    this.#tickS = 1 / commandRateHz;
    this.#substeps = Math.round(this.#tickS / physics.timestepS);
    if (Math.abs(this.#substeps * physics.timestepS - this.#tickS) > 1e-9) {
      throw new LatentloopError(
        "ERR_SIM_MODEL",
        `Expected a command period of whole physics steps but received ${this.#tickS} s for steps of ${physics.timestepS} s.`,
      );
    }
    this.#actuatorIds = Int32Array.from(actuation.actuators, (name) => physics.id("actuator", name));
    this.#count = this.#actuatorIds.length;
    const joints = actuation.kind === "effort" ? [] : actuation.robot.joints;
    this.#qposAddress = Int32Array.from(
      joints,
      ({ name }) => physics.borrowModel("jnt_qposadr")[physics.id("joint", name)]!,
    );
    this.#target = new Float64Array(this.#count);
    this.#latest = new Float64Array(1 + this.#count);
    this.#delayLine = new Float64Array(1 + this.#count);
  }

  /** Forgets all commands and holds the joints where they are. */
  reset(): void {
    this.#latest.fill(0);
    this.#delayLine.fill(0);
    this.#next = 0;
    const qpos = this.#physics.borrow("qpos");
    for (let i = 0; i < this.#qposAddress.length; i++) this.#target[i] = qpos[this.#qposAddress[i]!]!;
    const ctrl = this.#physics.borrow("ctrl");
    for (let i = 0; i < this.#count; i++) {
      ctrl[this.#actuatorIds[i]!] = this.#actuation.kind === "position" ? this.#target[i]! : 0;
    }
  }

  setShift(shift: DriveShift): void {
    this.#shift = shift;
    this.#delayLine = new Float64Array((shift.delayTicks + 1) * (1 + this.#count));
    this.#next = 0;
  }

  /**
   * The command in force from the next tick on (delayed, if the robot is slow).
   * @throws ERR_INVALID_ARGUMENT if the robot does not take this kind or a value is not finite, ERR_SHAPE_MISMATCH
   */
  command(kind: CommandKind, values: ArrayLike<number>): void {
    if (!ACCEPTED[this.#actuation.kind].includes(kind)) {
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected a command of kind ${ACCEPTED[this.#actuation.kind].join(" or ")} but received ${kind}.`,
      );
    }
    if (kind !== "hold" && values.length !== this.#count) {
      throw new LatentloopError(
        "ERR_SHAPE_MISMATCH",
        `Expected ${this.#count} values in a command but received ${values.length}.`,
      );
    }
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i]!)) continue;
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected finite command values but received ${values[i]} for ${this.#actuation.actuators[i]}.`,
      );
    }
    this.#latest[0] = KINDS.indexOf(kind);
    for (let i = 0; i < this.#count; i++) this.#latest[1 + i] = kind === "hold" ? 0 : values[i]!;
  }

  /** One command period: acts on the command in force and advances the physics, without refreshing derived values. */
  tick(): void {
    const width = 1 + this.#count;
    const line = this.#delayLine;
    line.set(this.#latest, this.#next * width);
    this.#next = (this.#next + 1) % (this.#shift.delayTicks + 1);
    const due = this.#next * width; // the oldest entry: written delayTicks ago
    const kind = KINDS[line[due]!]!;
    const ctrl = this.#physics.borrow("ctrl");
    for (let i = 0; i < this.#count; i++) {
      ctrl[this.#actuatorIds[i]!] =
        this.#actuation.kind === "position"
          ? this.#nextTarget(i, kind, line[due + 1 + i]!)
          : line[due + 1 + i]! * this.#shift.commandGain;
    }
    this.#physics.step(this.#substeps);
  }

  #nextTarget(i: number, kind: CommandKind, value: number): number {
    if (this.#actuation.kind !== "position" || kind === "hold") return this.#target[i]!;
    const { lower, upper } = this.#actuation.robot.joints[i]!.limits;
    let target = value;
    if (kind === "velocity") {
      const measured = this.#physics.borrow("qpos")[this.#qposAddress[i]!]!;
      const leash = this.#actuation.leashRad;
      const ahead = this.#target[i]! + value * this.#shift.commandGain * this.#tickS;
      target = Math.min(measured + leash, Math.max(measured - leash, ahead));
    }
    return (this.#target[i] = Math.min(upper, Math.max(lower, target)));
  }

  /** Everything `restoreState` needs to go on bit for bit. */
  saveState(): Float64Array {
    return Float64Array.of(this.#next, ...this.#target, ...this.#latest, ...this.#delayLine);
  }

  /** @throws ERR_SHAPE_MISMATCH if the state belongs to another robot or delay */
  restoreState(state: Float64Array): void {
    const length = 1 + this.#target.length + this.#latest.length + this.#delayLine.length;
    if (state.length !== length) {
      throw new LatentloopError(
        "ERR_SHAPE_MISMATCH",
        `Expected a driver state of ${length} numbers but received ${state.length}.`,
      );
    }
    this.#next = state[0]!;
    let at = 1;
    for (const part of [this.#target, this.#latest, this.#delayLine]) {
      part.set(state.subarray(at, at + part.length));
      at += part.length;
    }
  }
}
