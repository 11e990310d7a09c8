import { GCProfiler, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import { RingWriter } from "../../transport/shared-ring.ts";
import { commandPortOnRing } from "./command-port.ts";
import type { ControlMemory } from "./control-memory.ts";
import { type ControlSetup, loadWorkspace } from "./control-setup.ts";
import { runDeadlineLoop } from "./deadline-loop.ts";
import { type BellTargets, bellRinger } from "./doorbell.ts";
import { LoopStatistics } from "./loop-statistics.ts";
import { makeControlTick } from "./make-control-tick.ts";
import { OperatorWords } from "./operator-words.ts";
import { enterRealTime, type RealTimeGrant } from "./real-time.ts";
import { touchPages } from "./touch-pages.ts";
import { warmUp } from "./warm-up.ts";

export interface ControlThreadData {
  readonly setup: ControlSetup;
  readonly memory: ControlMemory;
  /** The ring of the command topic, if this thread is its publisher. */
  readonly commandRing: SharedArrayBuffer | undefined;
  readonly doorbell: { readonly fd: number | undefined; readonly targets: BellTargets };
}

export type ControlThreadMessage =
  | { readonly kind: "running"; readonly grant: RealTimeGrant }
  /** A tick met an error: the robot halts, the loop goes on. */
  | { readonly kind: "error"; readonly message: string }
  | { readonly kind: "ended"; readonly collections: CollectionReport };

/** Garbage collections of the loop's own heap while it ran. */
export interface CollectionReport {
  readonly count: number;
  readonly longest_us: number;
}

const { setup, memory, commandRing, doorbell } = workerData as ControlThreadData;
const clock = systemClock();
const { robot, commandRateHz } = setup.safety;
const workspace = setup.workspace && (await loadWorkspace(setup.workspace));
const ring = commandRing && new RingWriter(commandRing, { wakesReaders: false });
const commands = ring && commandPortOnRing(ring, robot.joints.length, () => clock.rosNs());
const wakeReaders = bellRinger(doorbell.fd, doorbell.targets);
const tick = makeControlTick(setup, memory, clock, { commands, wakeReaders }, workspace);
const operator = new OperatorWords(memory.operator);
if (commandRing) touchPages(commandRing);
warmUp(setup, workspace);
collectGarbage(); // what starting left, so that it is not collected between two ticks

const thread = enterRealTime(() => clock.monotonicNs(), setup.priority);
const collections = new GCProfiler();
collections.start();
post({ kind: "running", grant: thread.grant });

let didFail = false;

runDeadlineLoop({
  rateHz: commandRateHz,
  statistics: new LoopStatistics(memory.statistics),
  nowNs: () => clock.monotonicNs(),
  sleepUntil: thread.sleepUntil,
  threadCpuNs: thread.threadCpuNs,
  tick: (deadlineNs, wokeNs) => {
    tick.run(deadlineNs, wokeNs);
    tellFailure();
  },
  shouldStop: () => operator.shouldStop,
});

const costs = collections.stop().statistics.map(({ cost }) => cost);
post({ kind: "ended", collections: { count: costs.length, longest_us: Math.max(0, ...costs) } });

/** Once for ticks that fail one after the other. Posting may wait for other threads, but the robot already brakes. */
function tellFailure(): void {
  const { failure } = tick;
  if (failure !== undefined && !didFail) post({ kind: "error", message: messageOf(failure) });
  didFail = failure !== undefined;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc()");
}

function post(message: ControlThreadMessage): void {
  parentPort!.postMessage(message);
}
