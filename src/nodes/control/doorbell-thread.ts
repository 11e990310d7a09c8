import { workerData } from "node:worker_threads";
import { LatentloopError } from "../../core/errors.ts";
import { type DoorbellData, wakeTargets } from "./doorbell.ts";
import { enterRealTime } from "./real-time.ts";
import { loadSystemCalls, type SystemCalls } from "./system-calls.ts";

/** poll.h; a process that exits without asking waits for the thread at most so long. */
const POLLIN = 1;
const LOOK_UP_MS = 100;

const { fd, targets, priority, stop } = workerData as DoorbellData;
const system = loadSystemCalls();
if (typeof system === "string") throw new LatentloopError("ERR_CONTROL_LOOP", `The doorbell does not work: ${system}.`);
enterRealTime(() => performance.now(), priority);

const pollFd = Int32Array.of(fd, POLLIN); // int fd, short events, short revents
const count = new Int32Array(2);
const stopped = new Int32Array(stop);

// Node ends a thread where a function begins: a loop that called none would hold up the exit of the process.
while (Atomics.load(stopped, 0) === 0) answerBell(system);

function answerBell({ poll, read }: SystemCalls): void {
  poll(pollFd, 1, LOOK_UP_MS);
  if (read(fd, count, 8) === 8) wakeTargets(targets);
}
