import { LatentloopError } from "../core/errors.ts";

/** So many copies lie side by side that a reader is only disturbed when the writer laps it this often within one copy. */
const CELLS = 4;
const PUBLISHED = 0;
const HEADER_WORDS = 16;

/** Shared memory for the newest value of one small record of fixed size, from one writer to any number of readers. */
export function createLatestSlot(recordBytes: number): SharedArrayBuffer {
  if (!(recordBytes > 0 && recordBytes % 4 === 0)) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected a record of a positive multiple of 4 bytes but received ${recordBytes}.`,
    );
  }
  return new SharedArrayBuffer(4 * HEADER_WORDS + CELLS * (4 + recordBytes));
}

/** The words of both ends. Cell c: its state (odd while being written, 2·n once record n is whole), then the record. */
class SlotMemory {
  readonly words: Int32Array;
  readonly recordWords: number;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.recordWords = (this.words.length - HEADER_WORDS) / CELLS - 1;
  }

  cellOf(count: number): number {
    return HEADER_WORDS + (count & (CELLS - 1)) * (1 + this.recordWords);
  }
}

/**
 * The writer's end: exactly one per slot. Fill `record` (through any views on it), then `publish`.
 *
 * Every word moves by Atomics, so the language itself guarantees that no reader sees a mixture.
 * Timing: safe in the control loop, never waits, allocates nothing.
 */
export class LatestSlotWriter {
  readonly record: ArrayBuffer;
  readonly #memory: SlotMemory;
  readonly #recordWords: Int32Array;
  #count: number;

  constructor(buffer: SharedArrayBuffer) {
    this.#memory = new SlotMemory(buffer);
    this.record = new ArrayBuffer(4 * this.#memory.recordWords);
    this.#recordWords = new Int32Array(this.record);
    this.#count = Atomics.load(this.#memory.words, PUBLISHED);
  }

  publish(): void {
    const { words } = this.#memory;
    const record = this.#recordWords;
    const count = (this.#count + 1) | 0;
    const cell = this.#memory.cellOf(count);
    Atomics.store(words, cell, (2 * count - 1) | 0);
    for (let i = 0; i < record.length; i++) Atomics.store(words, cell + 1 + i, record[i]!);
    Atomics.store(words, cell, (2 * count) | 0);
    Atomics.store(words, PUBLISHED, count);
    Atomics.notify(words, PUBLISHED);
    this.#count = count;
  }
}

/** A reader's end. `record` holds the newest whole value after each `refresh` that returned true; views on it stay valid. */
export class LatestSlotReader {
  readonly record: ArrayBuffer;
  readonly #memory: SlotMemory;
  readonly #recordWords: Int32Array;
  readonly #scratch: Int32Array;
  #seen = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.#memory = new SlotMemory(buffer);
    this.record = new ArrayBuffer(4 * this.#memory.recordWords);
    this.#recordWords = new Int32Array(this.record);
    this.#scratch = new Int32Array(this.#memory.recordWords);
  }

  /** Number of the record last seen, modulo 2³²; 0 before the first. */
  get count(): number {
    return this.#seen >>> 0;
  }

  /** Takes the newest record and says whether it is one not seen before. Timing: safe in the control loop, never spins. */
  refresh(): boolean {
    const { words } = this.#memory;
    for (let attempt = 0; attempt < CELLS; attempt++) {
      const count = Atomics.load(words, PUBLISHED);
      if (count === this.#seen) return false;
      if (this.#copy(count)) {
        this.#recordWords.set(this.#scratch);
        this.#seen = count;
        return true;
      }
    }
    return false; // overtaken again and again: the next tick will see a newer one, the last whole record stays
  }

  /** Blocks the thread until a record waits that was not seen, or the time is over. */
  wait(timeoutMs: number): boolean {
    Atomics.wait(this.#memory.words, PUBLISHED, this.#seen, timeoutMs);
    return Atomics.load(this.#memory.words, PUBLISHED) !== this.#seen;
  }

  /** The same without blocking. It does not keep the event loop alive. */
  async waitAsync(timeoutMs?: number): Promise<boolean> {
    await Atomics.waitAsync(this.#memory.words, PUBLISHED, this.#seen, timeoutMs).value;
    return Atomics.load(this.#memory.words, PUBLISHED) !== this.#seen;
  }

  #copy(count: number): boolean {
    const { words } = this.#memory;
    const cell = this.#memory.cellOf(count);
    const scratch = this.#scratch;
    const whole = (2 * count) | 0;
    if (Atomics.load(words, cell) !== whole) return false;
    for (let i = 0; i < scratch.length; i++) scratch[i] = Atomics.load(words, cell + 1 + i);
    return Atomics.load(words, cell) === whole;
  }
}
