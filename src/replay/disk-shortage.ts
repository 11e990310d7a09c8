import { statfs } from "node:fs/promises";

/** Says so when the disk of a folder has less room than this left. */
export async function diskShortage(folder: string, minFreeBytes: number): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= minFreeBytes) return undefined;
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  return `the disk has only ${megabytes(freeBytes)} left, less than ${megabytes(minFreeBytes)}`;
}
