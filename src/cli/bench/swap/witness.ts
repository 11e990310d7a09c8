import { writeSync } from "node:fs";
import { systemClock } from "../../../core/clock.ts";
import { enterRealTime } from "../../../nodes/control/real-time.ts";
import { WITNESS } from "./stall.ts";

/*
 * Keeps time in a process of its own as the control thread does, and writes down when it could not: it stalls together
 * with the control thread only when the machine did.
 */

const clock = systemClock();
const thread = enterRealTime(clock.monotonicNs, WITNESS.priority);
write({ priority: thread.grant.priority });

let deadlineNs = clock.monotonicNs();
for (;;) {
  deadlineNs = Math.max(deadlineNs + WITNESS.periodNs, clock.monotonicNs()); // a stall is one, however many wakes it cost
  thread.sleepUntil(deadlineNs);
  const wokeNs = clock.monotonicNs();
  if (wokeNs - deadlineNs >= WITNESS.stallNs) write([deadlineNs, wokeNs]);
}

/** Fails, and ends the process, when nobody listens any more. */
function write(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}
