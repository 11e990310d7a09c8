import { type FileHandle, open } from "node:fs/promises";
import { LatentloopError, messageOf } from "../core/errors.ts";

/** Bytes that can be read anywhere, and may still grow. */
export interface ByteSource {
  size(): Promise<number>;
  /** Exactly so many bytes of their own, or fewer at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** @throws ERR_BAG_UNREADABLE if there is no such file */
export async function openBagFile(path: string): Promise<ByteSource> {
  try {
    return new FileSource(await open(path, "r"));
  } catch (cause) {
    throw new LatentloopError("ERR_BAG_UNREADABLE", `Expected an MCAP file at ${path}: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

class FileSource implements ByteSource {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
