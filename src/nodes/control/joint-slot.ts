import type { JointState } from "../../core/robot.ts";
import { createLatestSlot, LatestSlotReader, LatestSlotWriter } from "../../transport/latest-slot.ts";

/** Record: positions [J], velocities [J], arrival (ns, monotonic clock), as float64. */
export function createJointSlot(jointCount: number): SharedArrayBuffer {
  return createLatestSlot(8 * (2 * jointCount + 1));
}

/** The newest joint state, written by the host of the control thread. */
export class JointSlotWriter {
  readonly #slot: LatestSlotWriter;
  readonly #values: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#slot = new LatestSlotWriter(memory);
    this.#values = new Float64Array(this.#slot.record);
  }

  write(state: JointState): void {
    this.#values.set(state.positions);
    this.#values.set(state.velocities, state.positions.length);
    this.#values[this.#values.length - 1] = state.arrivalNs;
    this.#slot.publish();
  }
}

/** The control thread's end. Timing: safe in the control loop. */
export class JointSlotReader {
  readonly positions: Float64Array;
  readonly velocities: Float64Array;
  readonly #slot: LatestSlotReader;
  readonly #values: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#slot = new LatestSlotReader(memory);
    this.#values = new Float64Array(this.#slot.record);
    const jointCount = (this.#values.length - 1) / 2;
    this.positions = this.#values.subarray(0, jointCount);
    this.velocities = this.#values.subarray(jointCount, 2 * jointCount);
  }

  /** Arrival of the newest state, NaN before the first. */
  get arrivalNs(): number {
    return this.#slot.count === 0 ? Number.NaN : this.#values[this.#values.length - 1]!;
  }

  refresh(): boolean {
    return this.#slot.refresh();
  }
}
