import { crc32 } from "@foxglove/crc";
import { type DecompressHandlers, McapConstants } from "@mcap/core";
import { parseChunkHeader, RECORD_HEADER_BYTES } from "./mcap-records.ts";

/** The uncompressed records of a chunk's record as it lies in the file. Throws a plain error where its bytes are wrong. */
export function openChunk(record: Uint8Array, handlers: DecompressHandlers): Uint8Array {
  const content = record.subarray(RECORD_HEADER_BYTES);
  const header = record[0] === McapConstants.Opcode.CHUNK ? parseChunkHeader(content) : undefined;
  if (header === undefined) throw new Error("the chunk's header is damaged");
  const { compression, recordsOffset, recordsBytes, uncompressedBytes, crc } = header;
  const stored = content.subarray(recordsOffset, recordsOffset + recordsBytes);
  const records = compression === "" ? stored : decompressed(handlers, compression, stored, uncompressedBytes);
  if (records.length !== uncompressedBytes) throw new Error("the chunk's size is another than its header says");
  if (crc !== 0 && crc32(records) !== crc) throw new Error("the chunk's checksum is wrong");
  return records;
}

function decompressed(handlers: DecompressHandlers, compression: string, stored: Uint8Array, bytes: number) {
  const decompress = handlers[compression];
  if (decompress === undefined) throw new Error(`the chunk's compression "${compression}" is unknown`);
  return decompress(stored, BigInt(bytes));
}
