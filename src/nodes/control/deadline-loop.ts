import type { LoopStatistics, OverrunCause } from "./loop-statistics.ts";

export interface DeadlineLoop {
  readonly rateHz: number;
  readonly statistics: LoopStatistics;
  nowNs(): number;
  /** Returns at or after the deadline, never before. */
  sleepUntil(deadlineNs: number): void;
  /** Processor time of this thread, NaN where it is not known. */
  threadCpuNs(): number;
  tick(deadlineNs: number, wokeNs: number): void;
  shouldStop(): boolean;
}

/** A tick that had the core for less than this share of its time was preempted. */
const PREEMPTED_SHARE = 0.5;

/**
 * Calls `tick` on absolute deadlines origin + k / rate until told to stop.
 *
 * A deadline that has passed when a tick ends is skipped and counted, never made up for: two commands never come closer
 * together than the robot expects. Overruns are counted by what took the time.
 */
export function runDeadlineLoop(loop: DeadlineLoop): void {
  const periodNs = 1e9 / loop.rateHz;
  const originNs = loop.nowNs() + periodNs;
  for (let k = 0; !loop.shouldStop(); ) {
    const deadlineNs = originNs + k * periodNs;
    loop.sleepUntil(deadlineNs);
    const wokeNs = loop.nowNs();
    const cpuNs = loop.threadCpuNs();

    loop.tick(deadlineNs, wokeNs);

    const doneNs = loop.nowNs();
    loop.statistics.recordTick(wokeNs - deadlineNs, doneNs - deadlineNs);
    const passed = Math.floor((doneNs - deadlineNs) / periodNs);
    if (passed > 0) {
      loop.statistics.recordOverrun(causeOf(wokeNs - deadlineNs, doneNs - wokeNs, loop.threadCpuNs() - cpuNs), passed);
    }
    k += 1 + Math.max(0, passed);
  }
}

function causeOf(latenessNs: number, tickNs: number, tickCpuNs: number): OverrunCause {
  if (latenessNs >= tickNs) return "wokeLate";
  return tickCpuNs < PREEMPTED_SHARE * tickNs ? "preempted" : "ranLong";
}
