import type { SafeCommand } from "../core/robot.ts";
import { type ControlStatus, type HaltCause, LIMIT_BITS } from "../core/status.ts";
import type { ArmRefusal } from "./arming.ts";
import type { Evidence } from "./evidence.ts";
import { resumesByItself } from "./halt-policy.ts";
import { limitLead } from "./lead-limit.ts";
import { MotionLimiter } from "./motion-limiter.ts";
import { checkSafetyOptions, type SafetyOptions } from "./options.ts";
import { softStartScale } from "./soft-start.ts";
import { ageNs, allFinite, jointStateIsValid, Watchdog } from "./watchdog.ts";
import { WorkspaceGuard } from "./workspace-guard.ts";

/**
 * The last stage before the robot and the only maker of SafeCommand. It is software: no certified safety function.
 *
 * Whatever it is shown, its commands are finite and within the limits, a position moves at most velocity · period from one
 * command to the next, and a velocity changes at most acceleration · period: also across halts, emergency stops and arming.
 * The first position after arming is the last command while the robot still is there, else where the robot is.
 * A disarmed or stopped position-controlled robot gets no command at all, so that none pulls it back when its power returns.
 *
 * Timing: `pass` once per period, safe in the control loop, allocates nothing, never throws.
 */
export class SafetyGate {
  status: ControlStatus = "disarmed";
  cause: HaltCause = "none";
  limitBits = 0;
  readonly #options: SafetyOptions;
  readonly #limiter: MotionLimiter;
  readonly #workspace: WorkspaceGuard | undefined;
  readonly #watchdog: Watchdog;
  readonly #command: SafeCommand;
  readonly #anchor: Float64Array;
  /** What is requested of joints that can follow. */
  readonly #followable: Float64Array;
  readonly #periodS: number;
  readonly #rampTicks: number;
  /** What the watchdog found in the last tick, for arming. */
  #fault: HaltCause = "plan-stale";
  #armed = false;
  #estopLatched = false;
  #ticksMoving = 0;
  /** The position interface has a last command. */
  #anchored = false;

  /** @throws ERR_INVALID_ARGUMENT for limits that are none */
  constructor(options: SafetyOptions) {
    checkSafetyOptions(options);
    const { robot, workspace } = options;
    this.#options = options;
    this.#periodS = 1 / options.commandRateHz;
    this.#rampTicks = (options.softStartMs / 1e3) * options.commandRateHz;
    this.#workspace = workspace && new WorkspaceGuard(workspace, robot, this.#periodS);
    this.#limiter = new MotionLimiter(robot, this.#periodS, this.#workspace);
    this.#watchdog = new Watchdog(options);
    this.#command = { values: new Float64Array(robot.joints.length) } as SafeCommand;
    this.#anchor = new Float64Array(robot.joints.length);
    this.#followable = new Float64Array(robot.joints.length);
  }

  /** The command's positions and velocities after the last tick; for a velocity interface the positions are believed ones. */
  get borrowPositions(): Float64Array {
    return this.#limiter.positions;
  }

  get borrowVelocities(): Float64Array {
    return this.#limiter.velocities;
  }

  /**
   * Moves one period towards the requested joint velocities, or towards rest.
   *
   * Units: rad/s or m/s. Returns the command to send, valid until the next call, or null when none may leave.
   */
  pass(evidence: Evidence, requested: Float64Array): SafeCommand | null {
    this.#fault = this.#watchdog.check(evidence);
    if (this.#fault === "estop") this.#estopLatched = true;
    if (this.#options.robot.commandInterface === "velocity") this.#believeMeasurement(evidence);
    else if (this.#armed && this.#fault === "none" && this.#isOffTrack(evidence)) this.#fault = "tracking-error";

    const requestIsFinite = requested.length === this.#command.values.length && allFinite(requested);
    if (this.#armed && this.#fault === "none" && !requestIsFinite) this.#fault = "plan-invalid";
    this.#follow(this.#fault);

    // The first period after arming repeats the anchor: the robot starts from a command at which it rests.
    if (this.#isMoving() && this.#ticksMoving++ > 0) {
      const ramp = softStartScale(this.#ticksMoving, this.#rampTicks, this.#options.softStartScale);
      const surprised = evidence.surprise > this.#options.surpriseWarn;
      const led = this.#limitLead(evidence, requested);
      this.#limiter.step(this.#followable, surprised ? ramp * this.#options.surpriseScale : ramp);
      this.limitBits = this.#limiter.limitBits | (led ? LIMIT_BITS.lead : 0);
    } else {
      this.#limiter.brake();
      this.limitBits = this.#limiter.limitBits | (requestIsFinite ? 0 : LIMIT_BITS.finite);
    }
    this.status = this.#isMoving() ? this.#movingStatus(evidence) : this.#restingStatus();
    return this.#release();
  }

  /** One period of braking without a look at any evidence, for a loop that met an error of its own. */
  brake(cause: HaltCause): SafeCommand | null {
    this.#armed = false;
    if (!this.#estopLatched) this.cause = cause;
    this.#limiter.brake();
    this.limitBits = 0;
    this.status = this.#restingStatus();
    return this.#release();
  }

  /**
   * Lets the robot follow plans from the next tick on, if what the last tick saw permits it.
   * Pass the same evidence as to that tick.
   */
  arm(evidence: Evidence): ArmRefusal {
    if (this.#estopLatched) return "estop-latched";
    if (this.#isMoving()) return "none";
    const refusal = this.#refusalToArm(evidence);
    if (refusal !== "none") return refusal;
    if (this.#options.robot.commandInterface === "position") this.#limiter.positions.set(this.#anchor);
    this.#anchored = true;
    this.#armed = true;
    this.cause = "none";
    this.#ticksMoving = 0;
    return "none";
  }

  /** Releases the latch of the emergency stop once it is no longer pressed and the robot is at rest. Arming stays necessary. */
  resetEstop(evidence: Evidence): ArmRefusal {
    if (evidence.estop) return "estop";
    if (!this.#estopLatched) return "none";
    if (ageNs(evidence.nowNs, evidence.jointStateArrivalNs) > this.#options.maxJointStateAgeMs * 1e6) {
      return "joint-state-stale";
    }
    if (!this.#limiter.isAtRest || !this.#measuredAtRest(evidence)) return "moving";
    this.#estopLatched = false;
    this.cause = "none";
    return "none";
  }

  #isMoving(): boolean {
    return this.#armed && this.cause === "none";
  }

  /** Enters or leaves a halt. The first cause stands until motion resumes; an emergency stop overrules every other. */
  #follow(fault: HaltCause): void {
    if (fault === "estop") this.cause = "estop";
    if (!this.#armed) return;
    if (fault === "none") {
      if (this.cause !== "none") this.#ticksMoving = 0;
      this.cause = "none";
      return;
    }
    const resumes = resumesByItself(fault, this.#options.surpriseAction);
    if (this.cause === "none" || !resumes) this.cause = fault;
    if (!resumes) this.#armed = false;
  }

  #movingStatus(evidence: Evidence): ControlStatus {
    return ageNs(evidence.nowNs, evidence.planArrivalNs) > this.#options.latePlanMs * 1e6 ? "coasting" : "tracking";
  }

  #restingStatus(): ControlStatus {
    if (!this.#limiter.isAtRest) return "halting";
    if (this.#estopLatched) return "estopped";
    return this.cause === "none" ? "disarmed" : "holding";
  }

  #release(): SafeCommand | null {
    if (this.#options.robot.commandInterface === "velocity") {
      this.#command.values.set(this.#limiter.velocities);
      return this.#command;
    }
    if (!this.#anchored || this.status === "disarmed" || this.status === "estopped") return null;
    this.#command.values.set(this.#limiter.positions);
    return this.#command;
  }

  #refusalToArm(evidence: Evidence): ArmRefusal {
    if (this.#fault !== "none") return this.#fault;
    if (!this.#limiter.isAtRest || !this.#measuredAtRest(evidence)) return "moving";
    const refusal = this.#placeAnchor(evidence.positions);
    if (refusal !== "none") return refusal;
    if (this.#workspace && !this.#workspace.isInside(this.#anchor)) return "outside-workspace";
    return "none";
  }

  /**
   * Where to start: at the last command, or at the measurement if the robot was moved while it got no command. A robot that
   * is being held somewhere else than it is measured is not armed, because its command would have to jump.
   */
  #placeAnchor(measured: Float64Array): ArmRefusal {
    const { robot, anchorTolerance } = this.#options;
    const commanded = this.#limiter.positions;
    let stayed = this.#anchored;
    for (let j = 0; j < commanded.length; j++) {
      const { lower, upper } = robot.joints[j]!.limits;
      const position = measured[j]!;
      if (!(position >= lower - anchorTolerance && position <= upper + anchorTolerance)) return "outside-limits";
      this.#anchor[j] = Math.min(Math.max(position, lower), upper);
      if (Math.abs(position - commanded[j]!) > anchorTolerance) stayed = false;
    }
    if (stayed) this.#anchor.set(commanded);
    else if (this.status === "holding" && robot.commandInterface === "position") return "off-command";
    return "none";
  }

  /** A velocity-controlled robot is where it was measured, plus what it was told to move since. */
  #believeMeasurement(evidence: Evidence): void {
    const age = ageNs(evidence.nowNs, evidence.jointStateArrivalNs);
    if (age > this.#options.maxJointStateAgeMs * 1e6 || !jointStateIsValid(evidence, this.#command.values.length))
      return;
    const { positions, velocities } = this.#limiter;
    for (let j = 0; j < positions.length; j++) positions[j] = evidence.positions[j]! + velocities[j]! * age * 1e-9;
  }

  #limitLead(evidence: Evidence, requested: Float64Array): boolean {
    const { robot, maxLead } = this.#options;
    this.#followable.set(requested);
    if (robot.commandInterface === "velocity") return false;
    return limitLead(requested, this.#limiter.positions, evidence, maxLead, this.#followable);
  }

  #isOffTrack(evidence: Evidence): boolean {
    const { positions } = this.#limiter;
    for (let j = 0; j < positions.length; j++) {
      if (Math.abs(positions[j]! - evidence.positions[j]!) > this.#options.maxTrackingError) return true;
    }
    return false;
  }

  #measuredAtRest(evidence: Evidence): boolean {
    for (let j = 0; j < evidence.velocities.length; j++) {
      if (!(Math.abs(evidence.velocities[j]!) <= this.#options.restVelocity)) return false;
    }
    return true;
  }
}
