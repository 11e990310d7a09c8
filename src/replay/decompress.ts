import lz4 from "@foxglove/wasm-lz4";
import { decompress as zstd, isLoaded as zstdIsLoaded } from "@foxglove/wasm-zstd";
import type { DecompressHandlers } from "@mcap/core";

/** The two compressions that chunks may have (MCAP's registry of well-known compressions), ready for use. */
export async function loadDecompression(): Promise<DecompressHandlers> {
  await Promise.all([lz4.isLoaded, zstdIsLoaded]);
  return {
    lz4: (bytes, size) => lz4(bytes, Number(size)),
    zstd: (bytes, size) => zstd(bytes, Number(size)),
  };
}
