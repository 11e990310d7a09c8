import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../core/clock.ts";
import { enterRealTime } from "../../nodes/control/real-time.ts";

/* A thread that keeps time as the control thread does, and reports by how much it was late. */

export interface TimingRequest {
  readonly priority: number;
  readonly wakes: number;
  readonly periodNs: number;
}

const { priority, wakes, periodNs } = workerData as TimingRequest;
const clock = systemClock();
const thread = enterRealTime(clock.monotonicNs, priority);
const latenessUs: number[] = [];
let deadlineNs = clock.monotonicNs();
for (let i = 0; i < wakes; i++) {
  deadlineNs = Math.max(deadlineNs + periodNs, clock.monotonicNs()); // missed wakes are skipped, not bunched
  thread.sleepUntil(deadlineNs);
  latenessUs.push((clock.monotonicNs() - deadlineNs) / 1e3);
}
parentPort?.postMessage({ grant: thread.grant, latenessUs });
