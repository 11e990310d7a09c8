import { loadSystemCalls } from "./system-calls.ts";

/** What the operating system granted to the thread that keeps time, with the reason for each refusal. */
export interface RealTimeGrant {
  readonly sleep: "clock_nanosleep" | "atomics-wait";
  /** SCHED_FIFO priority, 0 for an ordinary thread. */
  readonly priority: number;
  readonly timerSlackNs: number;
  readonly refusals: readonly string[];
}

export interface RealTimeThread {
  readonly grant: RealTimeGrant;
  /** Returns at or after the deadline, never before. Units: ns, monotonic clock. */
  sleepUntil(deadlineNs: number): void;
  /** Processor time of the calling thread; NaN where it is not known. */
  threadCpuNs(): number;
}

/** linux/time.h, linux/sched.h, linux/prctl.h */
const CLOCK_MONOTONIC = 1;
const CLOCK_THREAD_CPUTIME_ID = 3;
const TIMER_ABSTIME = 1;
const SCHED_FIFO = 1;
/** Threads and processes that this one starts get ordinary priority again. */
const SCHED_RESET_ON_FORK = 0x40000000;
const PR_SET_TIMERSLACK = 29;
const DEFAULT_SLACK_NS = 50_000;

/** Atomics.wait wakes this coarsely: it is asked to wake so much earlier, and the rest is spun. */
const SPIN_NS = 500_000;

/**
 * Makes the calling thread keep time as well as it may: SCHED_FIFO, 1 µs of timer slack, absolute sleeps in the kernel.
 *
 * Without Linux or koffi it waits with Atomics and spins for the last half millisecond. Where only the priority is refused
 * it does not spin: under load that was measured to change nothing. Memory is not locked: V8 gives pages back with calls
 * that fail on locked memory, and then aborts the process.
 */
export function enterRealTime(nowNs: () => number, priority: number): RealTimeThread {
  const system = loadSystemCalls();
  if (typeof system === "string") return waitingThread(nowNs, [system]);
  const refusals: string[] = [];

  const slackNs = system.prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0) === 0 ? 1000 : DEFAULT_SLACK_NS;
  let granted = 0;
  if (priority > 0) {
    if (system.sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, Int32Array.of(priority)) === 0)
      granted = priority;
    else
      refusals.push(
        `SCHED_FIFO ${priority} was refused (errno ${system.errno()}): allow CAP_SYS_NICE or an rtprio limit`,
      );
  }

  const timespec = new Int32Array(4); // two 64-bit words: seconds, nanoseconds
  return {
    grant: { sleep: "clock_nanosleep", priority: granted, timerSlackNs: slackNs, refusals },
    sleepUntil(deadlineNs) {
      // The clock is read into `timespec`: a function that returned it would allocate a number each time.
      let readNs: number;
      do {
        const seconds = Math.floor(deadlineNs / 1e9);
        timespec[0] = seconds;
        timespec[2] = Math.ceil(deadlineNs - seconds * 1e9);
        system.clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, timespec, null); // a signal may end it early
        system.clock_gettime(CLOCK_MONOTONIC, timespec);
        readNs = timespec[0] * 1e9 + timespec[2];
      } while (readNs < deadlineNs);
    },
    threadCpuNs() {
      system.clock_gettime(CLOCK_THREAD_CPUTIME_ID, timespec);
      return timespec[0]! * 1e9 + timespec[2]!;
    },
  };
}

/** For systems without the calls. */
function waitingThread(nowNs: () => number, refusals: readonly string[]): RealTimeThread {
  const never = new Int32Array(new SharedArrayBuffer(4));
  return {
    grant: { sleep: "atomics-wait", priority: 0, timerSlackNs: DEFAULT_SLACK_NS, refusals },
    sleepUntil(deadlineNs) {
      for (let restNs = deadlineNs - SPIN_NS - nowNs(); restNs > 0; restNs = deadlineNs - SPIN_NS - nowNs()) {
        Atomics.wait(never, 0, 0, restNs / 1e6);
      }
      while (nowNs() < deadlineNs);
    },
    threadCpuNs: () => Number.NaN,
  };
}
