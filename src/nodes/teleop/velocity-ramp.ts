import type { RobotModel } from "../../core/robot.ts";

/** Time from rest to full speed. A hand is no better than that, and cameras and loads like it. */
const RAMP_S = 0.25;
/** A longer time between two calls does not count as more: the velocity must not step. */
const MAX_STEP_S = 0.1;

/** Joint velocities that follow what is wanted without steps: the acceleration is limited, below the robot's own limit. */
export class VelocityRamp {
  readonly velocities: Float64Array;
  readonly #accelerations: readonly number[];

  constructor({ joints }: RobotModel) {
    this.velocities = new Float64Array(joints.length);
    this.#accelerations = joints.map(({ limits }) => Math.min(limits.acceleration, limits.velocity / RAMP_S));
  }

  /** Goes on from these velocities: those of the robot at the moment of a take-over. */
  start(velocities: ArrayLike<number>): void {
    this.velocities.set(velocities);
  }

  step(wanted: ArrayLike<number>, seconds: number): void {
    const passed = Math.min(Math.max(seconds, 0), MAX_STEP_S);
    for (let j = 0; j < this.velocities.length; j++) this.velocities[j] = this.ahead(j, wanted[j]!, passed);
  }

  /** The velocity that a joint will have come to, if the wish stays. */
  ahead(joint: number, wanted: number, seconds: number): number {
    const most = this.#accelerations[joint]! * seconds;
    const velocity = this.velocities[joint]!;
    return velocity + Math.min(Math.max(wanted - velocity, -most), most);
  }
}
