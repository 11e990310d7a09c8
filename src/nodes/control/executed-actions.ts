/**
 * What the robot was really told over the last seconds, as normalised actions after the gate: input of the belief and of
 * the roll-forward through the actions in flight.
 *
 * A ring of whole commands: each holds from its time until the next one, the newest for one command period. Where nothing
 * is known (before the first command, in a gap, after the newest) the rest action stands: a robot without commands rests.
 *
 * Units: ns on the monotonic clock. Timing: allocates nothing.
 */
export class ExecutedActions {
  readonly #rest: Float32Array;
  readonly #maxHoldNs: number;
  readonly #times: Float64Array;
  readonly #actions: Float32Array;
  #count = 0;

  /**
   * @param rest normalised action [A] of a robot that stands still
   * @param maxHoldNs how long a command holds when no other follows, e.g. one and a half command periods
   */
  constructor(rest: Float32Array, maxHoldNs: number, capacity = 1024) {
    this.#rest = rest;
    this.#maxHoldNs = maxHoldNs;
    this.#times = new Float64Array(capacity);
    this.#actions = new Float32Array(capacity * rest.length);
  }

  /** Adds the command that left at `timeNs`; one that is older than the newest, or not finite, is ignored. */
  append(timeNs: number, action: ArrayLike<number>): void {
    if (!Number.isFinite(timeNs) || timeNs <= this.newestNs) return;
    for (let i = 0; i < this.#rest.length; i++) if (!Number.isFinite(action[i]!)) return;
    const row = this.#count++ % this.#times.length;
    this.#times[row] = timeNs;
    this.#actions.set(action, row * this.#rest.length);
  }

  /** When the newest command left; -Infinity before the first. */
  get newestNs(): number {
    return this.#count === 0 ? Number.NEGATIVE_INFINITY : this.#times[(this.#count - 1) % this.#times.length]!;
  }

  /** Until when the newest command counts as in force. */
  get heldUntilNs(): number {
    return this.newestNs + this.#maxHoldNs;
  }

  /** Time-weighted mean action over [fromNs, toNs]; the rest action for an empty interval. Shapes: out [A]. */
  meanInto(fromNs: number, toNs: number, out: Float32Array): void {
    const capacity = this.#times.length;
    const oldest = Math.max(0, this.#count - capacity);
    const lengthNs = toNs - fromNs;
    out.set(this.#rest);
    if (!(lengthNs > 0)) return;
    let nextNs = Number.POSITIVE_INFINITY;
    for (let i = this.#count - 1; i >= oldest; i--) {
      const timeNs = this.#times[i % capacity]!;
      const untilNs = Math.min(nextNs, timeNs + this.#maxHoldNs);
      this.#addShare(i % capacity, (Math.min(untilNs, toNs) - Math.max(timeNs, fromNs)) / lengthNs, out);
      if (timeNs <= fromNs) return;
      nextNs = timeNs;
    }
  }

  #addShare(row: number, share: number, out: Float32Array): void {
    if (share <= 0) return;
    const width = this.#rest.length;
    for (let i = 0; i < width; i++) out[i] = out[i]! + share * (this.#actions[row * width + i]! - this.#rest[i]!);
  }
}
