import type { RobotModel } from "../core/robot.ts";

/**
 * Brings a robot that is commanded by velocity to rest when its commands end while it moves: its controller would go on with
 * the last one. At rest nothing more is to be sent. Commands that come back are approached as gently, until they are reached.
 *
 * Units: rad/s or m/s; velocities change by acceleration · period from one call to the next. Timing: allocates nothing.
 */
export class SilenceBrake {
  /** It had to take over, and no command has been reached since. */
  isBraking = false;
  readonly #steps: readonly number[];
  readonly #silenceNs: number;
  /** What was sent last. */
  readonly #velocities: Float64Array;
  #lastNs = Number.NEGATIVE_INFINITY;

  /** @param silenceNs time without a command after which it brakes */
  constructor({ joints }: RobotModel, commandRateHz: number, silenceNs: number) {
    this.#steps = joints.map(({ limits }) => limits.acceleration / commandRateHz);
    this.#silenceNs = silenceNs;
    this.#velocities = new Float64Array(joints.length);
  }

  get isAtRest(): boolean {
    return this.#velocities.every((velocity) => velocity === 0);
  }

  /** What to send for a command. Valid until the next call. */
  pass(command: ArrayLike<number>, nowNs: number): Float64Array {
    this.#lastNs = nowNs;
    if (this.isBraking) this.isBraking = !this.#approach(command);
    else this.#velocities.set(command);
    return this.#velocities;
  }

  /** Call it once a period: what to send for want of a command, valid until the next call, or undefined. */
  tick(nowNs: number): Float64Array | undefined {
    if (nowNs - this.#lastNs <= this.#silenceNs || this.isAtRest) return undefined;
    this.isBraking = true;
    this.#approach();
    return this.#velocities;
  }

  /** One period towards a command, or towards rest; says whether it was reached. */
  #approach(command?: ArrayLike<number>): boolean {
    let isThere = true;
    for (const [j, step] of this.#steps.entries()) {
      const from = this.#velocities[j]!;
      const to = command?.[j] ?? 0;
      if (to - from > step) this.#velocities[j] = from + step;
      else if (from - to > step) this.#velocities[j] = from - step;
      else this.#velocities[j] = to;
      isThere &&= this.#velocities[j] === to;
    }
    return isThere;
  }
}
