import type { Joint } from "../core/robot.ts";
import { DampedLeastSquares } from "./damped-least-squares.ts";
import { TWIST_ROWS } from "./serial-chain.ts";

/** λ of the least squares: a chain end moves at most 1 / 2λ times as fast in the joints as it is asked to. Units: m or 1 per rad */
const DAMPING = 0.03;
/** A joint this close to a position limit is not moved further towards it: the others do the rest. Units: rad or m */
const LIMIT_MARGIN = 0.01;

/**
 * Turns a velocity of a chain's end into joint velocities that keep the joints' limits.
 *
 * Only the chosen rows of the twist are held; the others are left free, which an arm of few joints needs. A joint at its
 * position limit drops out; when one would exceed its velocity limit all are slowed down alike, so that the direction stays.
 *
 * Source: Whitney 1969 (resolved motion rate control). Timing: `solveInto` allocates nothing.
 */
export class ResolvedRate {
  readonly #rows: readonly number[];
  readonly #joints: readonly Joint[];
  readonly #solver: DampedLeastSquares;
  readonly #jacobian: Float64Array;
  readonly #wanted: Float64Array;

  /** @param rows of the twist that count: 0, 1, 2 linear x, y, z; 3, 4, 5 angular */
  constructor(rows: readonly number[], joints: readonly Joint[]) {
    this.#rows = rows;
    this.#joints = joints;
    this.#solver = new DampedLeastSquares(rows.length, joints.length, DAMPING);
    this.#jacobian = new Float64Array(rows.length * joints.length);
    this.#wanted = new Float64Array(rows.length);
  }

  /** Shapes: jacobian [6, J] row-major, twist [6], positions, out [J] */
  solveInto(jacobian: Float64Array, twist: ArrayLike<number>, positions: ArrayLike<number>, out: Float64Array): void {
    const width = this.#joints.length;
    for (let i = 0; i < this.#rows.length; i++) {
      const row = this.#rows[i]! * (jacobian.length / TWIST_ROWS);
      for (let j = 0; j < width; j++) this.#jacobian[i * width + j] = jacobian[row + j]!;
      this.#wanted[i] = twist[this.#rows[i]!]!;
    }
    do this.#solver.solveInto(this.#jacobian, this.#wanted, out);
    while (this.#dropBlockedJoints(positions, out));
    this.#slowDown(out);
  }

  #dropBlockedJoints(positions: ArrayLike<number>, velocities: Float64Array): boolean {
    const width = this.#joints.length;
    let dropped = false;
    for (let j = 0; j < width; j++) {
      const { lower, upper } = this.#joints[j]!.limits;
      const velocity = velocities[j]!;
      const isBlocked =
        (velocity > 0 && positions[j]! > upper - LIMIT_MARGIN) ||
        (velocity < 0 && positions[j]! < lower + LIMIT_MARGIN);
      if (!isBlocked) continue;
      for (let i = 0; i < this.#rows.length; i++) this.#jacobian[i * width + j] = 0;
      dropped = true;
    }
    return dropped;
  }

  #slowDown(velocities: Float64Array): void {
    let scale = 1;
    for (let j = 0; j < velocities.length; j++) {
      scale = Math.min(scale, this.#joints[j]!.limits.velocity / Math.abs(velocities[j]!));
    }
    for (let j = 0; j < velocities.length; j++) velocities[j]! *= scale;
  }
}
