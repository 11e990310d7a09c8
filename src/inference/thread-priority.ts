import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";

/**
 * Makes the calling thread, and those that it starts from now on, stand back behind others (Unix nice, 0 to 19). It cannot be
 * taken back without privilege. Linux gives every thread its own; elsewhere nothing changes.
 */
export function lowerPriority(niceness: number): void {
  if (niceness === 0 || process.platform !== "linux") return;
  const threadId = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  setPriority(threadId, niceness);
}
