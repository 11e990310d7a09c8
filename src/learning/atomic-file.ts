import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** The file-system calls that a full or failing disk can refuse; `node:fs/promises` has this shape. */
export interface AtomicFileSystem {
  open(path: string, flags: string): Promise<WritableHandle>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { force: boolean }): Promise<void>;
}

export interface WritableHandle {
  writeFile(data: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Replaces a file as a whole: whoever opens `path`, at any time and after any crash, sees the old bytes or all the new ones.
 *
 * The bytes go to `<path>.partial` in the same folder, reach the disk, and only then take the name. A `.partial` file
 * that a crash leaves behind is overwritten by the next write.
 */
export async function writeFileAtomically(
  path: string,
  chunks: Iterable<Uint8Array>,
  files: AtomicFileSystem = { open, rename, rm },
): Promise<void> {
  const partial = `${path}.partial`;
  try {
    const handle = await files.open(partial, "w");
    try {
      for (const chunk of chunks) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await files.rename(partial, path);
  } catch (cause) {
    await files.rm(partial, { force: true });
    throw cause;
  }
  await syncFolder(dirname(path), files);
}

/** Makes a rename durable. Windows cannot open folders and journals renames itself. */
export async function syncFolder(path: string, files: Pick<AtomicFileSystem, "open"> = { open }): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await files.open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
