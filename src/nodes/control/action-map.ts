import { type ActionSpace, denormalizeAction, normalizeAction } from "../../core/action.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Joint, RobotModel } from "../../core/robot.ts";
import { fastestStoppableSpeed } from "../../safety/index.ts";

const IS_VELOCITY: Partial<Record<ActionSpace["dimensions"][number]["unit"], boolean>> = {
  "rad/s": true,
  "m/s": true,
  rad: false,
  m: false,
};

/**
 * Binds a model's actions to a robot's joints, by name, once. A joint that no action names is asked to stand still.
 *
 * An action in rad/s or m/s is the joint's velocity; one in rad or m is a position that the joint approaches as fast as
 * it can still brake, relative to how fast that position itself moves.
 *
 * Timing: `requestInto` and `executedInto` are safe in the control loop.
 */
export class ActionMap {
  readonly #space: ActionSpace;
  readonly #jointOf: readonly number[];
  readonly #joints: readonly Joint[];
  readonly #periodS: number;
  readonly #values: Float32Array;
  readonly #lastTargets: Float64Array;

  /** @throws ERR_ACTION_MISMATCH if an action names no joint, a joint twice, or has a unit that no joint takes */
  constructor(space: ActionSpace, robot: RobotModel, periodS: number) {
    this.#space = space;
    this.#joints = robot.joints;
    this.#periodS = periodS;
    this.#jointOf = space.dimensions.map(({ name }) => robot.joints.findIndex((joint) => joint.name === name));
    for (const [i, { name, unit }] of space.dimensions.entries()) {
      const joint = this.#jointOf[i]!;
      if (joint < 0 || this.#jointOf.indexOf(joint) !== i) {
        throw new LatentloopError(
          "ERR_ACTION_MISMATCH",
          `Expected one action for each of the joints ${robot.joints.map((j) => j.name).join(", ")} but received "${name}"${joint < 0 ? "" : " twice"}.`,
          { remedy: "Name the action dimensions of the manifest after the joints of the robot." },
        );
      }
      if (IS_VELOCITY[unit] === undefined) {
        throw new LatentloopError(
          "ERR_ACTION_MISMATCH",
          `Expected an action in ${Object.keys(IS_VELOCITY).join(", ")} for joint "${name}" but received one in ${unit}.`,
        );
      }
    }
    this.#values = new Float32Array(space.dimensions.length);
    this.#lastTargets = new Float64Array(space.dimensions.length).fill(Number.NaN);
  }

  /** Normalised action → velocities that the joints should have next. Shapes: action [A], positions, out [J]. */
  requestInto(action: Float32Array, positions: Float64Array, out: Float64Array): void {
    denormalizeAction(this.#space, action, this.#values);
    out.fill(0);
    for (let i = 0; i < this.#values.length; i++) {
      const joint = this.#jointOf[i]!;
      const value = this.#values[i]!;
      const isVelocity = IS_VELOCITY[this.#space.dimensions[i]!.unit]!;
      out[joint] = isVelocity ? value : this.#approach(i, value, positions[joint]!);
    }
  }

  /** What the joints do after the gate → normalised action: the inverse of `requestInto`. */
  executedInto(positions: Float64Array, velocities: Float64Array, out: Float32Array): void {
    for (let i = 0; i < this.#values.length; i++) {
      const joint = this.#jointOf[i]!;
      const isVelocity = IS_VELOCITY[this.#space.dimensions[i]!.unit]!;
      this.#values[i] = isVelocity ? velocities[joint]! : positions[joint]!;
    }
    normalizeAction(this.#space, this.#values, out);
  }

  #approach(dimension: number, target: number, position: number): number {
    const { velocity, acceleration } = this.#joints[this.#jointOf[dimension]!]!.limits;
    const before = this.#lastTargets[dimension]!;
    this.#lastTargets[dimension] = target;
    const own = Number.isNaN(before) ? 0 : (target - before) / this.#periodS;
    const ofTarget = Math.min(Math.max(own, -velocity), velocity);
    const lag = target - ofTarget * this.#periodS - position;
    return ofTarget + Math.sign(lag) * fastestStoppableSpeed(Math.abs(lag), acceleration, this.#periodS);
  }
}
