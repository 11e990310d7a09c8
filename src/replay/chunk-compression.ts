import lz4 from "@foxglove/wasm-lz4";
import { compress as zstdCompress, decompress as zstdDecompress, isLoaded as zstdIsLoaded } from "@foxglove/wasm-zstd";
import type { DecompressHandlers } from "@mcap/core";
import { compressFrame } from "lz4-napi";

/** How a recording's chunks are stored; the last two are MCAP's well-known compressions. */
export const COMPRESSIONS = ["none", "lz4", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export interface StoredRecords {
  /** As a chunk's header names it: "" is none. */
  readonly compression: string;
  readonly records: Uint8Array;
}

/** Makes a chunk's records smaller, or leaves them as they are where that gains nothing (JPEG). */
export type CompressChunk = (records: Uint8Array) => Promise<StoredRecords>;

/** The fastest level: a recorder must keep up with its cameras. */
const ZSTD_LEVEL = 1;

/** lz4 works in a thread of the pool, zstd in the thread that calls. */
export async function loadCompression(kind: Compression): Promise<CompressChunk> {
  if (kind === "none") return async (records) => ({ compression: "", records });
  await zstdIsLoaded;
  const compress = {
    lz4: (records: Uint8Array) => compressFrame(records),
    zstd: async (records: Uint8Array) => zstdCompress(records, ZSTD_LEVEL),
  }[kind];
  return async (records) => {
    const smaller = await compress(records);
    return smaller.length < records.length ? { compression: kind, records: smaller } : { compression: "", records };
  };
}

/** Both compressions that a chunk may have, ready for use. */
export async function loadDecompression(): Promise<DecompressHandlers> {
  await Promise.all([lz4.isLoaded, zstdIsLoaded]);
  return {
    lz4: (bytes, size) => lz4(bytes, Number(size)),
    zstd: (bytes, size) => zstdDecompress(bytes, Number(size)),
  };
}
