import { McapConstants } from "@mcap/core";
import type { ByteSource } from "./file-source.ts";
import { MAGIC, parseChunkHeader, RECORD_HEADER_BYTES, viewOf } from "./mcap-records.ts";

const { Opcode } = McapConstants;

/** Bytes of a file that are not what they should be. */
export interface Damage {
  readonly offset: number;
  readonly what: string;
}

/** A record of the data section; `offset` is its place in the file. */
export interface ScannedRecord {
  readonly opcode: number;
  readonly offset: number;
  /** Header included. */
  readonly bytes: Uint8Array;
}

/** Longer ones are damage: rosbag2 and we write chunks of 1 MB, some tools up to a few times 10 MB. */
const MAX_RECORD_BYTES = 1 << 30;
const SEARCH_WINDOW_BYTES = 4 << 20;
const CHUNK_PREFIX_BYTES = RECORD_HEADER_BYTES + 64;
const LAST_OPCODE = Opcode.DATA_END;

/**
 * The whole records of a data section from `from` on, wherever the file was cut or damaged.
 *
 * Where the chain of lengths breaks, reading goes on at the next place that is a chunk beyond doubt. Ends before the record
 * that the file's end cuts, if any, and returns where a later scan goes on once the file has grown.
 */
export async function* scanRecords(
  source: ByteSource,
  from: number,
  onDamage: (damage: Damage) => void,
): AsyncGenerator<ScannedRecord, number> {
  const size = await source.size();
  let offset = from;
  while (offset < size) {
    const length = await recordLength(source, offset, size);
    if (length === undefined) {
      const next = await findChunk(source, offset + 1, size);
      onDamage({ offset, what: next === undefined ? cutText(offset, size) : `${next - offset} bytes are no record` });
      if (next === undefined) return offset;
      offset = next;
      continue;
    }
    const bytes = await source.read(offset, length);
    yield { opcode: bytes[0]!, offset, bytes };
    offset += length;
    if (bytes[0] === Opcode.DATA_END) return offset;
  }
  return offset;
}

function cutText(offset: number, size: number): string {
  return `the file ends within a record: its last ${size - offset} bytes are lost`;
}

/** Length of the whole record at a place, or undefined if none begins there or it goes beyond the file's end. */
async function recordLength(source: ByteSource, offset: number, size: number): Promise<number | undefined> {
  const header = await source.read(offset, RECORD_HEADER_BYTES);
  if (header.length < RECORD_HEADER_BYTES) return undefined;
  const opcode = header[0]!;
  const content = viewOf(header).getBigUint64(1, true);
  if (opcode < Opcode.HEADER || opcode > LAST_OPCODE || content > MAX_RECORD_BYTES) return undefined;
  const length = RECORD_HEADER_BYTES + Number(content);
  return offset + length <= size ? length : undefined;
}

/** The next place where a chunk's opcode and the three lengths in its header agree. */
async function findChunk(source: ByteSource, from: number, size: number): Promise<number | undefined> {
  for (let start = from; start < size; start += SEARCH_WINDOW_BYTES) {
    const window = await source.read(start, SEARCH_WINDOW_BYTES + CHUNK_PREFIX_BYTES);
    const view = viewOf(window);
    const candidates = Math.min(SEARCH_WINDOW_BYTES, window.length - RECORD_HEADER_BYTES);
    for (let i = window.indexOf(Opcode.CHUNK); i >= 0 && i < candidates; i = window.indexOf(Opcode.CHUNK, i + 1)) {
      const content = Number(view.getBigUint64(i + 1, true));
      const begin = i + RECORD_HEADER_BYTES;
      if (start + begin + content > size) continue;
      const prefix = window.subarray(begin, begin + Math.min(content, CHUNK_PREFIX_BYTES - RECORD_HEADER_BYTES));
      if (parseChunkHeader(prefix, content) !== undefined) return start + i;
    }
  }
  return undefined;
}

export function isMagic(bytes: Uint8Array): boolean {
  return bytes.length === MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);
}
