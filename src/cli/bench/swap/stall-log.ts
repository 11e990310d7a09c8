/** How a witness keeps time: as the control thread, but five times as often. */
export const WITNESS = { priority: 40, periodNs: 2e6, stallNs: 1e6 } as const;

/** A time in which a thread should have run and did not. Units: ns, monotonic clock. */
export interface Stall {
  readonly fromNs: number;
  readonly untilNs: number;
}

const CAPACITY = 100_000;
const COUNT = 0;
const ENDED = 1;
const HEADER_BYTES = 8;

/** Stalls in shared memory: written by one thread that must not wait, read by another afterwards. */
export class StallLog {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #times: Float64Array;

  constructor(memory = new SharedArrayBuffer(HEADER_BYTES + 16 * CAPACITY)) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, 2);
    this.#times = new Float64Array(memory, HEADER_BYTES);
  }

  get isEnded(): boolean {
    return Atomics.load(this.#words, ENDED) === 1;
  }

  add(fromNs: number, untilNs: number): void {
    const count = Atomics.load(this.#words, COUNT);
    if (count >= CAPACITY) return;
    this.#times[2 * count] = fromNs;
    this.#times[2 * count + 1] = untilNs;
    Atomics.store(this.#words, COUNT, count + 1);
  }

  end(): void {
    Atomics.store(this.#words, ENDED, 1);
  }

  read(): Stall[] {
    const count = Atomics.load(this.#words, COUNT);
    return Array.from({ length: count }, (_, i) => ({ fromNs: this.#times[2 * i]!, untilNs: this.#times[2 * i + 1]! }));
  }
}
