import { LatentloopError } from "../core/errors.ts";

const MAGIC = 0x4c4c5201; // "LLR", layout version 1
export const HEADER_BYTES = 64;
const SLOT_HEADER_BYTES = 16;
/** Header words. PUBLISHED counts messages modulo 2³²; WAKE changes with every event and is what waiters watch. */
const MAGIC_WORD = 0;
const SLOTS = 1;
const SLOT_BYTES = 2;
const DEPTH = 3;
export const PUBLISHED = 4;
export const CLOSED = 5;
export const WAKE = 6;
export const DROPPED = 7;
/** Slot header: state word (odd while being written, 2·(n + 1) once message n is whole), length, source stamp. */
export const STATE = 0;
export const LENGTH = 1;
const STAMP_BYTES = 8;

export interface RingOptions {
  /** Messages a reader may lag behind before the oldest is dropped. */
  readonly depth: number;
  /** Longest message. Pages that no message touches cost no memory. */
  readonly maxMessageBytes: number;
}

/**
 * Shared memory for the messages of one topic from one publisher to any number of threads.
 *
 * Each message has a slot; the publisher never waits and overwrites the oldest, a reader copies and then checks that its
 * slot was left alone meanwhile. More slots than the depth keep the two apart. Layout: docs/transport.md.
 */
export function createRing({ depth, maxMessageBytes }: RingOptions): SharedArrayBuffer {
  if (!(depth >= 1 && depth <= 65536 && maxMessageBytes >= 1)) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected a ring depth of 1 to 65536 and messages of 1 byte or more but received ${depth} and ${maxMessageBytes}.`,
    );
  }
  const slots = 2 ** Math.ceil(Math.log2(depth + 1)); // a power of two, so that the count may wrap at 2³²
  const slotBytes = SLOT_HEADER_BYTES + Math.ceil(maxMessageBytes / 8) * 8;
  const memory = new SharedArrayBuffer(HEADER_BYTES + slots * slotBytes);
  new Int32Array(memory, 0, 4).set([MAGIC, slots, slotBytes, depth]);
  return memory;
}

/** Both ends' view of the memory. */
export class RingMemory {
  readonly header: Int32Array;
  readonly slots: number;
  readonly depth: number;
  readonly maxMessageBytes: number;
  readonly slotHeaders: readonly Int32Array[];
  readonly stamps: readonly BigInt64Array[];
  readonly #buffer: SharedArrayBuffer;
  readonly #slotBytes: number;

  constructor(buffer: SharedArrayBuffer) {
    this.header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    if (this.header[MAGIC_WORD] !== MAGIC) {
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected a ring of layout 0x${MAGIC.toString(16)} but received 0x${this.header[MAGIC_WORD]?.toString(16)}.`,
      );
    }
    this.#buffer = buffer;
    this.slots = this.header[SLOTS]!;
    this.depth = this.header[DEPTH]!;
    this.#slotBytes = this.header[SLOT_BYTES]!;
    this.maxMessageBytes = this.#slotBytes - SLOT_HEADER_BYTES;
    const offsets = Array.from({ length: this.slots }, (_, slot) => HEADER_BYTES + slot * this.#slotBytes);
    this.slotHeaders = offsets.map((offset) => new Int32Array(buffer, offset, 2));
    this.stamps = offsets.map((offset) => new BigInt64Array(buffer, offset + STAMP_BYTES, 1));
  }

  slotOf(sequence: number): number {
    return sequence & (this.slots - 1);
  }

  bytes(slot: number, length: number): Uint8Array {
    return new Uint8Array(this.#buffer, HEADER_BYTES + slot * this.#slotBytes + SLOT_HEADER_BYTES, length);
  }
}
