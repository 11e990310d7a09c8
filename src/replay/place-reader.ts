import type { DecompressHandlers } from "@mcap/core";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { loadDecompression } from "./chunk-compression.ts";
import type { ImagePlace } from "./episode-table.ts";
import { type ByteSource, openBagFile } from "./file-source.ts";
import { messageAt } from "./mcap-records.ts";
import { openChunk } from "./open-chunk.ts";

/** A process may not have more than about a thousand files open, and a data set may have more bags. */
const MAX_OPEN_FILES = 32;

/** Reads recorded messages by their places, one after another: neighbours lie in one chunk, so the last one stays at hand. */
export class PlaceReader {
  /** The least recently used first. */
  readonly #files = new Map<string, ByteSource>();
  #decompress: DecompressHandlers | undefined;
  #last: { readonly path: string; readonly offset: number; readonly records: Uint8Array } | undefined;

  /** A message's data, as a view of its chunk. @throws ERR_BAG_DAMAGED, ERR_BAG_UNREADABLE */
  async read({ path, chunk, offset }: Pick<ImagePlace, "path" | "chunk" | "offset">): Promise<Uint8Array> {
    if (this.#last?.path !== path || this.#last.offset !== chunk.offset) {
      this.#last = { path, offset: chunk.offset, records: await this.#readChunk(path, chunk) };
    }
    return messageAt(this.#last.records, offset);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.close()));
    this.#files.clear();
  }

  async #readChunk(path: string, { offset, bytes }: ImagePlace["chunk"]): Promise<Uint8Array> {
    this.#decompress ??= await loadDecompression();
    const file = await this.#open(path);
    try {
      return openChunk(await file.read(offset, bytes), this.#decompress);
    } catch (cause) {
      throw new LatentloopError(
        "ERR_BAG_DAMAGED",
        `Expected a whole chunk at byte ${offset} of ${path}: ${messageOf(cause)}.`,
        { cause, remedy: `Repair it: latentloop replay recover ${path}` },
      );
    }
  }

  async #open(path: string): Promise<ByteSource> {
    const file = this.#files.get(path) ?? (await openBagFile(path));
    this.#files.delete(path);
    this.#files.set(path, file);
    const [oldest] = this.#files;
    if (oldest !== undefined && this.#files.size > MAX_OPEN_FILES) {
      this.#files.delete(oldest[0]);
      await oldest[1].close();
    }
    return file;
  }
}
