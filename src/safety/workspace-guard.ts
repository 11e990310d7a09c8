import { LatentloopError } from "../core/errors.ts";
import type { RobotModel } from "../core/robot.ts";
import { brakedVelocity } from "./braking.ts";

/**
 * An axis-aligned box that chosen points of the robot must not leave.
 *
 * Units: m, in the frame of the forward kinematics (the robot's base).
 */
export interface Workspace {
  readonly lower: readonly [number, number, number];
  readonly upper: readonly [number, number, number];
  readonly pointCount: number;
  /** Writes the points [pointCount, 3] of the joint positions [J]. It must be continuous, and must not allocate. */
  readonly forwardKinematics: (positions: Float64Array, points: Float64Array) => void;
}

/**
 * Knows whether a move can still be braked to rest with every point inside the workspace.
 *
 * Each pose of the braking path is checked. While braking was the only move allowed, the path is the rest of one that
 * was checked before: hence a robot that starts inside stays inside, whatever is asked of it.
 *
 * Timing: safe in the control loop; one forward kinematics for each period that the fastest joint needs to stop.
 */
export class WorkspaceGuard {
  readonly #workspace: Workspace;
  readonly #robot: RobotModel;
  readonly #periodS: number;
  readonly #points: Float64Array;
  readonly #positions: Float64Array;
  readonly #velocities: Float64Array;

  /** @throws ERR_INVALID_ARGUMENT if the box is empty */
  constructor(workspace: Workspace, robot: RobotModel, periodS: number) {
    const { lower, upper, pointCount } = workspace;
    for (const [axis, low] of lower.entries()) {
      if (low < upper[axis]!) continue;
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected the workspace's lower bound below its upper on axis ${"xyz"[axis]} but received ${low} and ${upper[axis]}.`,
      );
    }
    this.#workspace = workspace;
    this.#robot = robot;
    this.#periodS = periodS;
    this.#points = new Float64Array(3 * pointCount);
    this.#positions = new Float64Array(robot.joints.length);
    this.#velocities = new Float64Array(robot.joints.length);
  }

  isInside(positions: Float64Array): boolean {
    const { lower, upper, forwardKinematics } = this.#workspace;
    try {
      forwardKinematics(positions, this.#points);
    } catch {
      return false; // kinematics without an answer: nobody knows where the robot would be
    }
    for (let i = 0; i < this.#points.length; i++) {
      const value = this.#points[i]!;
      // Not (value < lower): a NaN is outside.
      if (!(value >= lower[i % 3]! && value <= upper[i % 3]!)) return false;
    }
    return true;
  }

  /** Whether one period at `velocities` from `positions`, then braking, stays inside. */
  canStopInside(positions: Float64Array, velocities: Float64Array): boolean {
    this.#positions.set(positions);
    this.#velocities.set(velocities);
    const { joints } = this.#robot;
    for (;;) {
      let moving = false;
      for (let j = 0; j < joints.length; j++) {
        const velocity = this.#velocities[j]!;
        const { lower, upper, acceleration } = joints[j]!.limits;
        const before = this.#positions[j]!;
        const after = before + velocity * this.#periodS;
        this.#positions[j] = Math.min(Math.max(after, Math.min(lower, before)), Math.max(upper, before));
        this.#velocities[j] = brakedVelocity(velocity, acceleration * this.#periodS);
        if (velocity !== 0) moving = true;
      }
      if (!this.isInside(this.#positions)) return false;
      if (!moving) return true;
    }
  }
}
