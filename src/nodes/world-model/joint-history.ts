import type { JointState } from "../../core/robot.ts";

/** Joint states of the last moments, so that an image meets the joints of its own instant. */
export class JointHistory {
  readonly #states: JointState[] = [];
  readonly #capacity: number;

  /** @param capacity states kept; 64 are over half a second at 100 Hz */
  constructor(capacity = 64) {
    this.#capacity = capacity;
  }

  /** A state older than the newest is a late packet and is left out; one far older means that the clock was set back. */
  push(state: JointState, clockJumpNs = 1_000_000_000n): void {
    const newest = this.#states.at(-1);
    if (newest !== undefined && state.stampNs < newest.stampNs) {
      if (newest.stampNs - state.stampNs < clockJumpNs) return;
      this.#states.length = 0;
    }
    this.#states.push(state);
    if (this.#states.length > this.#capacity) this.#states.shift();
  }

  /** The state whose stamp is nearest, or undefined when none lies within the tolerance. */
  nearest(stampNs: bigint, toleranceNs: bigint): JointState | undefined {
    let best: JointState | undefined;
    let bestGap = toleranceNs + 1n;
    for (const state of this.#states) {
      const gap = state.stampNs > stampNs ? state.stampNs - stampNs : stampNs - state.stampNs;
      if (gap < bestGap) [best, bestGap] = [state, gap];
    }
    return best;
  }
}
