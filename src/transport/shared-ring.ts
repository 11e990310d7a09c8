import { LatentloopError } from "../core/errors.ts";
import { memoryFence } from "./memory-fence.ts";
import { CLOSED, DROPPED, HEADER_BYTES, LENGTH, PUBLISHED, RingMemory, STATE, WAKE } from "./ring-memory.ts";

export { createRing, type RingOptions } from "./ring-memory.ts";

export interface RingWriterOptions {
  /**
   * False leaves it to another thread to call `wakeRingReaders`. Waking takes a lock that all threads of the process share,
   * so a thread with real-time priority that wakes readers itself can wait for one without.
   */
  readonly wakesReaders: boolean;
}

/** The publisher's end: exactly one per ring. Timing: safe in the control loop, never waits, allocates nothing. */
export class RingWriter {
  readonly #memory: RingMemory;
  readonly #wakesReaders: boolean;
  readonly #slotBytes: readonly Uint8Array[];
  #sequence: number;

  constructor(buffer: SharedArrayBuffer, { wakesReaders }: RingWriterOptions = { wakesReaders: true }) {
    const memory = new RingMemory(buffer);
    this.#memory = memory;
    this.#wakesReaders = wakesReaders;
    this.#slotBytes = memory.slotHeaders.map((_, slot) => memory.bytes(slot, memory.maxMessageBytes));
    this.#sequence = Atomics.load(memory.header, PUBLISHED);
  }

  /** Messages published so far, modulo 2³². */
  get published(): number {
    return this.#sequence >>> 0;
  }

  /** Messages that readers lost, all of them together. */
  get dropped(): number {
    return Atomics.load(this.#memory.header, DROPPED) >>> 0;
  }

  get maxMessageBytes(): number {
    return this.#memory.maxMessageBytes;
  }

  /** @throws ERR_MESSAGE_TOO_LARGE */
  write(message: Uint8Array, sourceStampNs: bigint): void {
    this.borrowSlot(message.length).set(message);
    this.commit(message.length, sourceStampNs);
  }

  /**
   * The memory where the next message goes, at least `length` bytes, for writers that serialise in place; nothing is
   * published until `commit`. What it holds before is undefined.
   * @throws ERR_MESSAGE_TOO_LARGE
   */
  borrowSlot(length: number): Uint8Array {
    const { maxMessageBytes, slotHeaders } = this.#memory;
    if (length > maxMessageBytes) {
      throw new LatentloopError(
        "ERR_MESSAGE_TOO_LARGE",
        `Expected a message of at most ${maxMessageBytes} bytes but received one of ${length}.`,
      );
    }
    const slot = this.#memory.slotOf(this.#sequence);
    Atomics.store(slotHeaders[slot]!, STATE, (2 * this.#sequence + 1) | 0);
    memoryFence();
    return this.#slotBytes[slot]!;
  }

  commit(length: number, sourceStampNs: bigint): void {
    const { header, slotHeaders, stamps } = this.#memory;
    const slot = this.#memory.slotOf(this.#sequence);
    slotHeaders[slot]![LENGTH] = length;
    stamps[slot]![0] = sourceStampNs;
    this.#sequence = (this.#sequence + 1) | 0;
    Atomics.store(slotHeaders[slot]!, STATE, (2 * this.#sequence) | 0);
    Atomics.store(header, PUBLISHED, this.#sequence);
    Atomics.add(header, WAKE, 1);
    if (this.#wakesReaders) Atomics.notify(header, WAKE);
  }

  /** Tells the readers that nothing more will come. */
  close(): void {
    const { header } = this.#memory;
    Atomics.store(header, CLOSED, 1);
    Atomics.add(header, WAKE, 1);
    Atomics.notify(header, WAKE);
  }
}

/** Wakes whoever waits for the ring, on behalf of a writer that does not. */
export function wakeRingReaders(buffer: SharedArrayBuffer): void {
  Atomics.notify(new Int32Array(buffer, 0, HEADER_BYTES / 4), WAKE);
}

export interface RingReaderOptions {
  /** "newest" sees what is published from now on; "oldest" also what the ring still holds (transient_local). */
  readonly from: "oldest" | "newest";
  /** Own queue length, at most the ring's depth: 1 means newest wins. */
  readonly keepLast?: number;
}

/** One subscriber's end. Timing: `read` is safe in the control loop; it allocates only when a message's length changes. */
export class RingReader {
  /** The message that the last successful `read` copied out of the ring; valid until the next `read`. */
  message: Uint8Array = new Uint8Array(0);
  sourceStampNs = 0n;
  /** Number of this message, modulo 2³². */
  sequence = 0;
  /** Messages that were overwritten or skipped before this reader came to them. */
  dropped = 0;
  readonly #memory: RingMemory;
  readonly #keepLast: number;
  readonly #slotViews: Uint8Array[];
  #buffer = new ArrayBuffer(0);
  #next: number;

  constructor(buffer: SharedArrayBuffer, { from, keepLast = Number.POSITIVE_INFINITY }: RingReaderOptions) {
    this.#memory = new RingMemory(buffer);
    this.#keepLast = Math.min(keepLast, this.#memory.depth);
    this.#slotViews = this.#memory.slotHeaders.map((_, slot) => this.#memory.bytes(slot, 0));
    const published = Atomics.load(this.#memory.header, PUBLISHED);
    const held = Math.min(published >>> 0, this.#keepLast);
    this.#next = from === "oldest" ? (published - held) | 0 : published;
  }

  get closed(): boolean {
    return Atomics.load(this.#memory.header, CLOSED) === 1;
  }

  /** Takes the next message, if there is one. */
  read(): boolean {
    const { header } = this.#memory;
    for (;;) {
      const waiting = (Atomics.load(header, PUBLISHED) - this.#next) | 0;
      if (waiting <= 0) return false;
      if (waiting > this.#keepLast) {
        this.#next = (this.#next + waiting - this.#keepLast) | 0;
        this.#drop(waiting - this.#keepLast);
      }
      const sequence = this.#next;
      const whole = this.#copy(sequence);
      this.#next = (sequence + 1) | 0;
      if (whole) {
        this.sequence = sequence >>> 0;
        return true;
      }
      this.#drop(1);
    }
  }

  /** Whether `read` would find something. */
  get waiting(): boolean {
    return Atomics.load(this.#memory.header, PUBLISHED) !== this.#next;
  }

  /** Blocks the thread until a message waits, the ring closes or the time is over; says whether a message waits. */
  wait(timeoutMs: number): boolean {
    const wake = Atomics.load(this.#memory.header, WAKE); // before the check, so that no event falls between
    if (!this.waiting && !this.closed) Atomics.wait(this.#memory.header, WAKE, wake, timeoutMs);
    return this.waiting;
  }

  /** The same without blocking. It does not keep the event loop alive. */
  async waitAsync(timeoutMs?: number): Promise<boolean> {
    const wake = Atomics.load(this.#memory.header, WAKE);
    if (!this.waiting && !this.closed) await Atomics.waitAsync(this.#memory.header, WAKE, wake, timeoutMs).value;
    return this.waiting;
  }

  #drop(count: number): void {
    this.dropped += count;
    Atomics.add(this.#memory.header, DROPPED, count);
  }

  /** Copies one message and says whether it was whole from the first byte to the last. */
  #copy(sequence: number): boolean {
    const slot = this.#memory.slotOf(sequence);
    const slotHeader = this.#memory.slotHeaders[slot]!;
    const whole = (2 * (sequence + 1)) | 0;
    if (Atomics.load(slotHeader, STATE) !== whole) return false;
    const length = slotHeader[LENGTH]!;
    // Checked before use: a slot that is being overwritten may already hold the length of another message.
    memoryFence();
    if (Atomics.load(slotHeader, STATE) !== whole) return false;
    let view = this.#slotViews[slot]!;
    if (view.length !== length) view = this.#slotViews[slot] = this.#memory.bytes(slot, length);
    if (this.message.length !== length) {
      if (this.#buffer.byteLength < length) this.#buffer = new ArrayBuffer(length);
      this.message = new Uint8Array(this.#buffer, 0, length);
    }
    this.message.set(view);
    this.sourceStampNs = this.#memory.stamps[slot]![0]!;
    memoryFence();
    return Atomics.load(slotHeader, STATE) === whole;
  }
}
