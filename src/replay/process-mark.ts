import { readFile } from "node:fs/promises";

/** Place of the start time behind the name in /proc/<pid>/stat. Source: proc(5), field 22; the name is field 2. */
const START_TIME = 19;

/**
 * What tells a process from a later one with its number: boot and start time, where /proc says them; else the number alone.
 * Numbers repeat soon in containers.
 */
export async function processMark(pid: number): Promise<string> {
  try {
    const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[START_TIME];
    return `${pid} ${boot} ${start}`;
  } catch {
    return `${pid}`;
  }
}

/** Whether the process that a mark was made of still runs. What is no mark is nobody's. */
export async function isRunning(mark: string): Promise<boolean> {
  const known = mark.trim().split(" ");
  const pid = Number(known[0]);
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = (await processMark(pid)).split(" ");
  return known.every((part, i) => now[i] === undefined || part === now[i]);
}
