import type { Observation } from "../../core/observation.ts";

/** An observation and when it was captured, on the monotonic clock. */
export interface Seen {
  readonly observation: Observation;
  readonly captureNs: number;
}

/** The last observations, so that another model can come to a belief of its own. */
export class RecentObservations {
  readonly #seen: Seen[] = [];
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Keeps a copy of the proprioception, which its maker reuses; images are nobody else's. */
  add(observation: Observation, captureNs: number): Seen {
    const proprioception = observation.proprioception.slice();
    const seen = { observation: { ...observation, proprioception }, captureNs };
    this.#seen.push(seen);
    if (this.#seen.length > this.#capacity) this.#seen.shift();
    return seen;
  }

  /** The oldest one kept that was captured after this moment. */
  after(captureNs: number): Seen | undefined {
    return this.#seen.find((seen) => seen.captureNs > captureNs);
  }

  clear(): void {
    this.#seen.length = 0;
  }
}
