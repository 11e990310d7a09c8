import type { JointState, RobotModel } from "../../core/robot.ts";
import type { TickMessage } from "../../messages/index.ts";

/** What the robot was told last, from the control loop's ticks, and where it is measured while it is told nothing. */
export class ExecutedMotion {
  /** Where the robot was told to be, or else is. Units: rad */
  readonly positions: Float64Array;
  /** Commanded last; 0 without commands. Units: rad/s */
  readonly velocities: Float64Array;
  /** The same as a normalised action. */
  readonly action: Float32Array;
  /** Arrival of the newest joint state. NaN before the first. */
  jointStateNs = Number.NaN;
  jointStateStampNs = 0n;
  readonly #robot: RobotModel;
  #commandDeadlineNs = Number.NaN;

  constructor(robot: RobotModel, actionDimension: number) {
    this.#robot = robot;
    this.positions = new Float64Array(robot.joints.length);
    this.velocities = new Float64Array(robot.joints.length);
    this.action = new Float32Array(actionDimension);
  }

  /** Whether it is known where the robot is. */
  get isKnown(): boolean {
    return !Number.isNaN(this.jointStateNs);
  }

  addJointState({ positions, stampNs, arrivalNs }: JointState): void {
    this.jointStateNs = arrivalNs;
    this.jointStateStampNs = stampNs;
    const isCommanded = this.#robot.commandInterface === "position" && !Number.isNaN(this.#commandDeadlineNs);
    if (!isCommanded) this.positions.set(positions);
  }

  addTick({
    command,
    executed_action,
    deadline_ns,
  }: Pick<TickMessage, "command" | "executed_action" | "deadline_ns">): void {
    if (executed_action.length === this.action.length) this.action.set(executed_action);
    if (command.length !== this.positions.length) {
      this.#commandDeadlineNs = Number.NaN;
      this.velocities.fill(0);
    } else if (this.#robot.commandInterface === "velocity") {
      this.velocities.set(command);
    } else {
      const seconds = (deadline_ns - this.#commandDeadlineNs) / 1e9;
      for (let j = 0; j < command.length; j++) {
        this.velocities[j] = seconds > 0 ? (command[j]! - this.positions[j]!) / seconds : 0;
        this.positions[j] = command[j]!;
      }
      this.#commandDeadlineNs = deadline_ns;
    }
  }
}
