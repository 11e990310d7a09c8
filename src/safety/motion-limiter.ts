import type { RobotModel } from "../core/robot.ts";
import { LIMIT_BITS } from "../core/status.ts";
import { brakedVelocity, fastestStoppableSpeed } from "./braking.ts";
import type { WorkspaceGuard } from "./workspace-guard.ts";

/** How many times the request is halved towards braking before the workspace guard settles for braking. */
const WORKSPACE_HALVINGS = 3;

/**
 * Turns any requested velocity into the nearest one that the joints may take: at most the velocity limit, at most
 * acceleration · period from the one before, and slow enough to stop before a position limit and inside the workspace.
 *
 * It counts in periods and reads no clock, so no stamp, delay or clock jump can make a step larger. Braking at the full
 * acceleration is always among the allowed moves: that is what makes the position limits hold for ever, not for one step.
 *
 * Units: rad, rad/s, rad/s² (m for prismatic joints). Timing: safe in the control loop, allocates nothing.
 */
export class MotionLimiter {
  /** Where the joints are believed to be after the last step, and their last commanded velocities. */
  readonly positions: Float64Array;
  readonly velocities: Float64Array;
  /** LIMIT_BITS of what the last step changed. */
  limitBits = 0;
  readonly #robot: RobotModel;
  readonly #periodS: number;
  readonly #workspace: WorkspaceGuard | undefined;
  readonly #braked: Float64Array;
  readonly #wanted: Float64Array;
  readonly #candidate: Float64Array;

  constructor(robot: RobotModel, periodS: number, workspace?: WorkspaceGuard) {
    const count = robot.joints.length;
    this.#robot = robot;
    this.#periodS = periodS;
    this.#workspace = workspace;
    this.positions = new Float64Array(count);
    this.velocities = new Float64Array(count);
    this.#braked = new Float64Array(count);
    this.#wanted = new Float64Array(count);
    this.#candidate = new Float64Array(count);
  }

  get isAtRest(): boolean {
    for (const velocity of this.velocities) if (velocity !== 0) return false;
    return true;
  }

  /**
   * Moves one period towards the requested velocities. `scale` in (0, 1] lowers the velocity limit: a scale that drops makes
   * the joints slow down at their acceleration limit.
   */
  step(requested: Float64Array, scale: number): void {
    this.limitBits = 0;
    const { joints } = this.#robot;
    for (let j = 0; j < joints.length; j++) {
      const { lower, upper, velocity: fastest, acceleration } = joints[j]!.limits;
      const position = this.positions[j]!;
      const velocity = this.velocities[j]!;
      const change = acceleration * this.#periodS;
      const asked = requested[j]!;

      let next = clamp(asked, -fastest, fastest);
      if (next !== asked) this.limitBits |= LIMIT_BITS.velocity;
      const slowed = clamp(next, -fastest * scale, fastest * scale);
      if (slowed !== next) this.limitBits |= LIMIT_BITS.softStart;
      next = clamp(slowed, velocity - change, velocity + change);
      if (next !== slowed) this.limitBits |= LIMIT_BITS.acceleration;

      const up = fastestStoppableSpeed(upper - position, acceleration, this.#periodS);
      const down = fastestStoppableSpeed(position - lower, acceleration, this.#periodS);
      const stoppable = clamp(next, -down, up);
      const braked = brakedVelocity(velocity, change);
      this.#braked[j] = braked;
      if (stoppable !== next) {
        this.limitBits |= LIMIT_BITS.position;
        // A believed position that jumped closer to the limit can ask for more than the brakes give: brake at their limit.
        next = clamp(stoppable, velocity - change, velocity + change);
      }
      this.#wanted[j] = next;
    }
    this.#keepInWorkspace();
    this.#advance();
  }

  /** Slows every joint down at its acceleration limit. */
  brake(): void {
    this.limitBits = 0;
    const { joints } = this.#robot;
    for (let j = 0; j < joints.length; j++) {
      this.#wanted[j] = brakedVelocity(this.velocities[j]!, joints[j]!.limits.acceleration * this.#periodS);
    }
    this.#advance();
  }

  #advance(): void {
    const { joints } = this.#robot;
    for (let j = 0; j < joints.length; j++) {
      const { lower, upper } = joints[j]!.limits;
      const before = this.positions[j]!;
      const velocity = this.#wanted[j]!;
      this.velocities[j] = velocity;
      const after = before + velocity * this.#periodS;
      // Rounding may end one ulp past the limit. A joint that is outside already may only come back.
      this.positions[j] = clamp(after, Math.min(lower, before), Math.max(upper, before));
    }
  }

  /** Goes from the wish towards braking until the braking path that follows stays inside. */
  #keepInWorkspace(): void {
    const workspace = this.#workspace;
    if (!workspace || workspace.canStopInside(this.positions, this.#wanted)) return;
    this.limitBits |= LIMIT_BITS.workspace;
    let share = 1;
    for (let halving = 0; halving < WORKSPACE_HALVINGS; halving++) {
      share /= 2;
      for (let j = 0; j < this.#candidate.length; j++) {
        this.#candidate[j] = this.#braked[j]! + share * (this.#wanted[j]! - this.#braked[j]!);
      }
      if (workspace.canStopInside(this.positions, this.#candidate)) {
        this.#wanted.set(this.#candidate);
        return;
      }
    }
    this.#wanted.set(this.#braked);
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
