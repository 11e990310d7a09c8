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
/** Enough of a record to see whether it is a chunk. */
const PREFIX_BYTES = RECORD_HEADER_BYTES + 64;

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
    const bytes = await readRecord(source, offset, size);
    if (bytes === undefined) {
      const next = await findChunk(source, offset + 1, size);
      onDamage({ offset, what: next === undefined ? cutText(offset, size) : `${next - offset} bytes are no record` });
      if (next === undefined) return offset;
      offset = next;
      continue;
    }
    yield { opcode: bytes[0]!, offset, bytes };
    offset += bytes.length;
    if (bytes[0] === Opcode.DATA_END) return offset;
  }
  return offset;
}

function cutText(offset: number, size: number): string {
  return `the file ends within a record: its last ${size - offset} bytes are lost`;
}

/** The whole record at a place, or undefined if none begins there, or its length is wrong. */
async function readRecord(source: ByteSource, offset: number, size: number): Promise<Uint8Array | undefined> {
  const prefix = await source.read(offset, PREFIX_BYTES);
  if (prefix.length < RECORD_HEADER_BYTES) return undefined;
  const opcode = prefix[0]!;
  const content = Number(viewOf(prefix).getBigUint64(1, true));
  if (opcode < Opcode.HEADER || opcode > Opcode.DATA_END || content > MAX_RECORD_BYTES) return undefined;
  const length = RECORD_HEADER_BYTES + content;
  if (offset + length > size || (opcode === Opcode.CHUNK && !isChunkAt(prefix, 0, length))) return undefined;
  const bytes = await source.read(offset, length);
  // A record that swallows a chunk has a wrong length; only attachments may hold anything.
  const swallows = opcode !== Opcode.CHUNK && opcode !== Opcode.ATTACHMENT && chunkWithin(bytes, 1, bytes.length) >= 0;
  return swallows ? undefined : bytes;
}

/** The next place in the file that is a chunk. */
async function findChunk(source: ByteSource, from: number, size: number): Promise<number | undefined> {
  for (let start = from; start < size; start += SEARCH_WINDOW_BYTES) {
    const window = await source.read(start, SEARCH_WINDOW_BYTES + PREFIX_BYTES);
    const place = chunkWithin(window, 0, size - start);
    if (place >= 0 && place < SEARCH_WINDOW_BYTES) return start + place;
  }
  return undefined;
}

/** Where in `bytes` a chunk begins that ends before `limit`, or -1. */
function chunkWithin(bytes: Uint8Array, from: number, limit: number): number {
  let place = bytes.indexOf(Opcode.CHUNK, from);
  while (place >= 0 && !isChunkAt(bytes, place, limit - place)) place = bytes.indexOf(Opcode.CHUNK, place + 1);
  return place;
}

/** Whether an opcode of a chunk is followed by three lengths that agree, the whole not longer than `limit`. */
function isChunkAt(bytes: Uint8Array, place: number, limit: number): boolean {
  const begin = place + RECORD_HEADER_BYTES;
  if (begin > bytes.length) return false;
  const content = Number(viewOf(bytes).getBigUint64(place + 1, true));
  if (RECORD_HEADER_BYTES + content > limit) return false;
  const prefix = bytes.subarray(begin, begin + Math.min(content, PREFIX_BYTES - RECORD_HEADER_BYTES));
  return parseChunkHeader(prefix, content) !== undefined;
}

export function isMagic(bytes: Uint8Array): boolean {
  return bytes.length === MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);
}
