import { writeFileSync } from "node:fs";
import { messageOf } from "../../core/errors.ts";
import { lowerPriority } from "../../inference/thread-priority.ts";
import { loadSystemCalls } from "../control/system-calls.ts";

/** linux/ioprio.h: class "best effort", its lowest level. Not "idle": what waits there for ever can hold others' fsync up. */
const IOPRIO_WHO_PROCESS = 1;
const LOWEST_BEST_EFFORT = (2 << 13) | 7;
/** Number of the call ioprio_set; the newer architectures share one table. */
const IOPRIO_SET = process.arch === "x64" ? 251 : 30;
/** When memory runs out, Linux ends the process with the highest score first. */
const OOM_SCORE = "900";

/**
 * Makes the calling thread, and those that it starts from now on, yield processor and disk to everything else.
 * Returns what the system refused.
 */
export function standBack(niceness: number): string[] {
  lowerPriority(niceness);
  const system = loadSystemCalls();
  if (typeof system === "string") return [system];
  if (system.syscall(IOPRIO_SET, IOPRIO_WHO_PROCESS, 0, LOWEST_BEST_EFFORT) === 0) return [];
  return [`a low disk priority was refused (errno ${system.errno()})`];
}

/** Makes this process the first that Linux ends when memory runs out. Returns what the system refused. */
export function goFirst(): string[] {
  if (process.platform !== "linux") return [];
  try {
    writeFileSync("/proc/self/oom_score_adj", OOM_SCORE);
    return [];
  } catch (thrown) {
    return [`to go first when memory runs out was refused: ${messageOf(thrown)}`];
  }
}
