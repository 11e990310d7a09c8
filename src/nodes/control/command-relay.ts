import { LatentloopError } from "../../core/errors.ts";
import type { RobotModel } from "../../core/robot.ts";
import type { TickRecord } from "./tick-record.ts";

export interface CommandRelayOptions {
  readonly robot: RobotModel;
  readonly commandRateHz: number;
  readonly nowNs: () => number;
  /** The array is valid during the call only. */
  readonly send: (command: Float64Array) => void;
  /** Called once when commands stop to leave. */
  readonly onJump: (error: LatentloopError) => void;
}

/** Age past which a command does not leave any more. */
const LATEST_PERIODS = 2;
/** Periods of full speed that one command may move a joint: what is left of the commands before it is lost. */
const LONGEST_STEP_PERIODS = 3;

/**
 * Takes commands on through an event loop, which unlike the control thread may stand still for a while.
 *
 * Commands that waited are not made up for. A position that lies too far from the last one that left does not leave at all: the
 * robot stays where it is, until the gate sends none (disarmed, or stopped) and so begins from where the robot is measured.
 * A velocity leaves in any case, since without one the robot would go on with the last.
 */
export class CommandRelay {
  /** The robot is not where the gate's commands are. */
  isOff = false;
  readonly #options: CommandRelayOptions;
  readonly #last: Float64Array;
  #hasLast = false;

  constructor(options: CommandRelayOptions) {
    this.#options = options;
    this.#last = new Float64Array(options.robot.joints.length);
  }

  /** @param record the newest tick */
  take(record: TickRecord): void {
    const { robot, commandRateHz, nowNs, send, onJump } = this.#options;
    if (record.get("hasCommand") !== 1) {
      this.#hasLast = false;
      this.isOff = false;
      return;
    }
    if (!(nowNs() - record.get("commandNs") <= (LATEST_PERIODS * 1e9) / commandRateHz)) return;
    const jump = robot.commandInterface === "position" && this.#hasLast ? this.#jumpTo(record.command) : undefined;
    if (jump === undefined) send(record.command);
    else if (!this.isOff) onJump(jump);
    this.isOff = jump !== undefined;
    if (this.isOff) return;
    this.#last.set(record.command);
    this.#hasLast = true;
  }

  #jumpTo(command: Float64Array): LatentloopError | undefined {
    const { robot, commandRateHz } = this.#options;
    for (const [j, { name, limits }] of robot.joints.entries()) {
      const step = Math.abs(command[j]! - this.#last[j]!);
      const longest = (LONGEST_STEP_PERIODS * limits.velocity) / commandRateHz;
      if (step <= longest) continue;
      return new LatentloopError(
        "ERR_CONTROL_LOOP",
        `Expected a command within ${longest} of the last one that left for joint "${name}" but it is ${step} away: the control node's event loop stood still.`,
        { remedy: "Press and reset the emergency stop, then arm: the robot begins from where it is." },
      );
    }
    return undefined;
  }
}
