import type { Clock } from "./clock.ts";

/** Two reports in quick succession give the same figure. */
const SHORTEST_NS = 0.5e9;

/** How often something happens, measured from one report to the next. */
export class RateMeter {
  readonly #clock: Clock;
  #count = 0;
  #sinceNs: number;
  #rateHz = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceNs = clock.monotonicNs();
  }

  count(): void {
    this.#count++;
  }

  /** Since the last report, rounded to 0.01. Units: Hz. */
  report(): number {
    const nowNs = this.#clock.monotonicNs();
    if (nowNs - this.#sinceNs < SHORTEST_NS) return this.#rateHz;
    this.#rateHz = Math.round((100e9 * this.#count) / (nowNs - this.#sinceNs)) / 100;
    this.#count = 0;
    this.#sinceNs = nowNs;
    return this.#rateHz;
  }
}
