import type { Clock } from "../../core/clock.ts";

/** A clock that stands still until it is told how much time has passed. Both its clocks pass alike. */
export class VirtualClock implements Clock {
  #nowNs: number;
  readonly #rosOffsetNs: bigint;

  /** @param startNs on its monotonic clock @param startRosNs the same instant on its ROS clock */
  constructor(startNs: number, startRosNs: bigint) {
    this.#nowNs = startNs;
    this.#rosOffsetNs = startRosNs - BigInt(startNs);
  }

  advance(ns: number): void {
    this.#nowNs += ns;
  }

  monotonicNs(): number {
    return this.#nowNs;
  }

  rosNs(): bigint {
    return BigInt(this.#nowNs) + this.#rosOffsetNs;
  }
}
