import { type ActionSpace, normalizeAction } from "../../core/action.ts";
import type { RobotModel } from "../../core/robot.ts";

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
  readonly #values: Float32Array;

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
    this.#values = new Float32Array(width);
  }

  /** The next plan's targets begin where the robot was told to be. */
  start(): void {
    this.#references.fill(Number.NaN);
  }

  /** Units: rad/s; `passedS` since the last call. Shapes: velocities, positions [J] */
  fill(velocities: ArrayLike<number>, positions: ArrayLike<number>, passedS: number): void {
    const width = this.#values.length;
    for (let i = 0; i < width; i++) this.#advance(i, velocities, positions, passedS);
    for (let step = 0; step < this.horizon; step++) {
      for (let i = 0; i < width; i++) {
        const velocity = velocities[this.#jointOf[i]!]!;
        const ahead = ((step + 0.5) * this.stepPeriodNs) / 1e9;
        this.#values[i] = this.#isPosition[i] ? this.#references[i]! + ahead * velocity : velocity;
      }
      normalizeAction(this.#space, this.#values, this.actions.subarray(step * width, (step + 1) * width));
    }
    for (let i = 0; i < this.actions.length; i++) this.actions[i] = Math.min(Math.max(this.actions[i]!, -1), 1);
  }

  #advance(dimension: number, velocities: ArrayLike<number>, positions: ArrayLike<number>, passedS: number): void {
    const joint = this.#jointOf[dimension]!;
    const position = positions[joint]!;
    const before = this.#references[dimension]!;
    const after = Number.isNaN(before) ? position : before + velocities[joint]! * passedS;
    this.#references[dimension] = Math.min(Math.max(after, position - LEASH), position + LEASH);
  }
}
