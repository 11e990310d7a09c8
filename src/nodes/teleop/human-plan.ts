import type { ActionSpace } from "../../core/action.ts";
import type { RobotModel } from "../../core/robot.ts";
import type { VelocityRamp } from "./velocity-ramp.ts";

/** A human's plan reaches so far ahead: if nothing follows, the robot halts then. */
const REACH_MS = 200;
/** A position target runs no further ahead of the command than this. Units: rad */
const LEASH = 0.1;

/** Turns joint velocities into steps of the model's actions, whether those are velocities or positions. */
export class HumanPlan {
  readonly horizon: number;
  readonly stepPeriodNs: number;
  /** Shapes: [H, A] */
  readonly actions: Float32Array;
  readonly #space: ActionSpace;
  readonly #jointOf: readonly number[];
  readonly #isPosition: readonly boolean[];
  readonly #references: Float64Array;
  readonly #width: number;

  /** The control node has checked that every action names a joint. */
  constructor(space: ActionSpace, { joints }: RobotModel, rateHz: number) {
    const width = space.dimensions.length;
    this.#space = space;
    this.stepPeriodNs = 1e9 / rateHz;
    this.horizon = Math.ceil((REACH_MS * rateHz) / 1e3);
    this.actions = new Float32Array(this.horizon * width);
    this.#jointOf = space.dimensions.map(({ name }) => joints.findIndex((joint) => joint.name === name));
    this.#isPosition = space.dimensions.map(({ unit }) => unit === "rad" || unit === "m");
    this.#references = new Float64Array(width).fill(Number.NaN);
    this.#width = width;
  }

  /** The next plan's targets begin where the robot was told to be. */
  start(): void {
    this.#references.fill(Number.NaN);
  }

  /**
   * The steps from where the ramp is to what is wanted, so that a plan begins as the one before it goes on.
   *
   * Units: rad/s; `passedS` since the last call. Shapes: wanted, positions [J]
   */
  fill(ramp: VelocityRamp, wanted: ArrayLike<number>, positions: ArrayLike<number>, passedS: number): void {
    const periodS = this.stepPeriodNs / 1e9;
    for (let i = 0; i < this.#width; i++) {
      const joint = this.#jointOf[i]!;
      let position = this.#advance(i, ramp.velocities[joint]! * passedS, positions[joint]!);
      for (let step = 0; step < this.horizon; step++) {
        const velocity = ramp.ahead(joint, wanted[joint]!, (step + 0.5) * periodS);
        const value = this.#isPosition[i] ? position + (periodS / 2) * velocity : velocity;
        this.actions[step * this.#width + i] = this.#normalized(i, value);
        position += periodS * velocity;
      }
    }
  }

  #normalized(dimension: number, value: number): number {
    const { low, high } = this.#space.dimensions[dimension]!;
    return Math.min(Math.max((2 * (value - low)) / (high - low) - 1, -1), 1);
  }

  /** Where the target of a position has come to. */
  #advance(dimension: number, by: number, position: number): number {
    const before = this.#references[dimension]!;
    const after = Number.isNaN(before) ? position : before + by;
    const reference = Math.min(Math.max(after, position - LEASH), position + LEASH);
    this.#references[dimension] = reference;
    return reference;
  }
}
