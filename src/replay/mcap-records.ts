import { McapConstants, McapStreamReader, type TypedMcapRecord } from "@mcap/core";

const { Opcode } = McapConstants;

/** An opcode of one byte, then the content's length in eight. */
export const RECORD_HEADER_BYTES = 9;
export const MAGIC = Uint8Array.from([0x89, 0x4d, 0x43, 0x41, 0x50, 0x30, 0x0d, 0x0a]);
/** start, end and size of 8 bytes, CRC of 4; then the compression's name and the records, each behind its length. */
const CHUNK_FIXED_BYTES = 28;
/** Channel, sequence, log time and publish time in front of a message's data. */
const MESSAGE_FIXED_BYTES = 22;

/** A chunk's header; `recordsOffset` counts from the begin of its content. */
export interface ChunkHeader {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly uncompressedBytes: number;
  /** 0: there is none. */
  readonly crc: number;
  readonly compression: string;
  readonly recordsOffset: number;
  readonly recordsBytes: number;
}

export interface ChunkMessage {
  readonly channelId: number;
  /** Of the message record, within the chunk's uncompressed records: what a message index holds. */
  readonly offset: number;
  readonly logTimeNs: bigint;
  readonly publishTimeNs: bigint;
  /** View of the chunk's memory. */
  readonly data: Uint8Array;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whole records out of bytes that begin at one, by the library's parser; checksums only where they are asked for. */
export function parseRecords(bytes: Uint8Array, { validateCrcs = false } = {}): TypedMcapRecord[] {
  const reader = new McapStreamReader({ noMagicPrefix: true, includeChunks: true, validateCrcs });
  reader.append(bytes);
  const records: TypedMcapRecord[] = [];
  for (let record = reader.nextRecord(); record !== undefined; record = reader.nextRecord()) records.push(record);
  return records;
}

/** The header of a chunk's content, or undefined where the lengths in it contradict the content's own. */
export function parseChunkHeader(content: Uint8Array, contentBytes = content.length): ChunkHeader | undefined {
  if (content.length < CHUNK_FIXED_BYTES + 4) return undefined;
  const view = viewOf(content);
  const nameBytes = view.getUint32(CHUNK_FIXED_BYTES, true);
  const recordsOffset = CHUNK_FIXED_BYTES + 4 + nameBytes + 8;
  if (nameBytes > 16 || recordsOffset > content.length) return undefined;
  const recordsBytes = Number(view.getBigUint64(recordsOffset - 8, true));
  if (recordsOffset + recordsBytes !== contentBytes) return undefined;
  return {
    startNs: view.getBigUint64(0, true),
    endNs: view.getBigUint64(8, true),
    uncompressedBytes: Number(view.getBigUint64(16, true)),
    crc: view.getUint32(24, true),
    compression: Buffer.from(content.subarray(CHUNK_FIXED_BYTES + 4, recordsOffset - 8)).toString("latin1"),
    recordsOffset,
    recordsBytes,
  };
}

/** Calls back for every record of a chunk, in order: messages as such, schemas and channels as bytes for `parseRecords`. */
export function walkChunk(
  records: Uint8Array,
  onMessage: (message: ChunkMessage) => void,
  onDefinition?: (record: Uint8Array) => void,
): void {
  const view = viewOf(records);
  for (let offset = 0; offset < records.length; ) {
    if (offset + RECORD_HEADER_BYTES > records.length) throw new RangeError(`a record is cut at ${offset}`);
    const opcode = records[offset]!;
    const start = offset + RECORD_HEADER_BYTES;
    const end = start + Number(view.getBigUint64(offset + 1, true));
    if (end > records.length) throw new RangeError(`a record at ${offset} is longer than its chunk`);
    if (opcode === Opcode.MESSAGE) {
      if (end - start < MESSAGE_FIXED_BYTES) throw new RangeError(`a message at ${offset} is too short`);
      onMessage({
        channelId: view.getUint16(start, true),
        offset,
        logTimeNs: view.getBigUint64(start + 6, true),
        publishTimeNs: view.getBigUint64(start + 14, true),
        data: records.subarray(start + MESSAGE_FIXED_BYTES, end),
      });
    } else if (opcode === Opcode.SCHEMA || opcode === Opcode.CHANNEL) {
      onDefinition?.(records.subarray(offset, end));
    }
    offset = end;
  }
}

/** The data of the message whose record begins at `offset` of a chunk's records. */
export function messageAt(records: Uint8Array, offset: number): Uint8Array {
  const start = offset + RECORD_HEADER_BYTES;
  return records.subarray(start + MESSAGE_FIXED_BYTES, start + Number(viewOf(records).getBigUint64(offset + 1, true)));
}
