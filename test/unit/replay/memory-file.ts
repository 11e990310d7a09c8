import type { BagFile } from "../../../src/replay/bag-file.ts";

/** A file in memory that fails once it would grow beyond its room, as a full disk does: with a part written. */
export class MemoryFile implements BagFile {
  bytes = Buffer.alloc(0);
  syncs = 0;
  closed = false;
  readonly #room: number;

  constructor(room = Number.POSITIVE_INFINITY) {
    this.#room = room;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const fits = Math.min(bytes.length, this.#room - this.bytes.length);
    this.bytes = Buffer.concat([this.bytes, bytes.subarray(0, fits)]);
    if (fits < bytes.length) throw new Error("ENOSPC: no space left on device, write");
  }

  async truncate(length: number): Promise<void> {
    this.bytes = this.bytes.subarray(0, length);
  }

  async sync(): Promise<void> {
    this.syncs++;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** A file in memory on a disk that takes nothing until it is released. */
export class StalledFile extends MemoryFile {
  release: () => void = () => {};
  #stall: Promise<void> | undefined;

  stall(): void {
    this.#stall = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  override async write(bytes: Uint8Array): Promise<void> {
    await this.#stall;
    await super.write(bytes);
  }
}
