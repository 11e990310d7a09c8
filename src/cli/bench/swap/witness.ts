import { writeSync } from "node:fs";
import { isMainThread, workerData } from "node:worker_threads";
import { systemClock } from "../../../core/clock.ts";
import { enterRealTime } from "../../../nodes/control/real-time.ts";
import { StallLog, WITNESS } from "./stall-log.ts";

/*
 * Keeps time as the control thread does and writes down when it could not. A witness in another process stalls with the
 * control thread only when the machine did; one in a thread beside it also when their process was held up.
 */

const clock = systemClock();
const thread = enterRealTime(clock.monotonicNs, WITNESS.priority);
const log = isMainThread ? undefined : new StallLog(workerData as SharedArrayBuffer);
if (isMainThread) writeSync(1, `${JSON.stringify({ priority: thread.grant.priority })}\n`);

let deadlineNs = clock.monotonicNs();
while (!log?.isEnded) {
  deadlineNs = Math.max(deadlineNs + WITNESS.periodNs, clock.monotonicNs()); // a stall is one, however many wakes it cost
  thread.sleepUntil(deadlineNs);
  const wokeNs = clock.monotonicNs();
  if (wokeNs - deadlineNs < WITNESS.stallNs) continue;
  if (log) log.add(deadlineNs, wokeNs);
  else writeSync(1, `${JSON.stringify([deadlineNs, wokeNs])}\n`); // fails, and ends the process, when nobody listens any more
}
