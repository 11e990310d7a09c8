import { type FileHandle, open } from "node:fs/promises";

/** Where a writer's bytes go. */
export interface BagFile {
  /** Appends all of the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Cuts the file after `length` bytes; the next write goes there. */
  truncate(length: number): Promise<void>;
  /** Settles when everything written is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A new file; one that exists is never overwritten. */
export async function createBagFile(path: string): Promise<BagFile> {
  return new DiskFile(await open(path, "wx"));
}

/** A file that is created when it is first used, so that what goes into it can be taken at once. */
export function lazyBagFile(create: () => Promise<BagFile>): BagFile {
  let created: Promise<BagFile> | undefined;
  const file = () => (created ??= create());
  return {
    write: async (bytes) => (await file()).write(bytes),
    truncate: async (length) => (await file()).truncate(length),
    sync: async () => (await file()).sync(),
    close: async () => (await file()).close(),
  };
}

class DiskFile implements BagFile {
  readonly #handle: FileHandle;
  #length = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#length);
      done += bytesWritten;
      this.#length += bytesWritten;
    }
  }

  async truncate(length: number): Promise<void> {
    await this.#handle.truncate(length);
    this.#length = length;
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
