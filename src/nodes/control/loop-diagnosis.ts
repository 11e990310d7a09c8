import type { Diagnosis } from "../../core/node.ts";
import { CONTROL_STATUS, type ControlStatus, HALT_CAUSES, type HaltCause } from "../../core/status.ts";
import type { ControlHost, ControlSummary } from "./control-host.ts";

/** What the loop's diagnosis is made of; no host while it does not run. */
export interface LoopState {
  readonly host: ControlHost | undefined;
  /** Why the thread ended by itself. */
  readonly failure: Error | undefined;
  /** What the last `internal-error` was about. */
  readonly error: Error | undefined;
  readonly status: ControlStatus;
  readonly cause: HaltCause;
  readonly rateHz: number;
  /** The real-time priority that it got. */
  readonly priority: number;
}

export function diagnoseLoop({ host, failure, error, status, cause, rateHz, priority }: LoopState): Diagnosis {
  if (failure) return { level: "error", message: failure.message, values: {} };
  if (host === undefined) return { level: "ok", message: "inactive", values: {} };
  const { ticks, missed, overruns, lateness_us, done_us } = host.statistics.report();
  const halted = cause !== "none";
  const isOwnError = cause === "internal-error";
  const why = isOwnError && error !== undefined ? error.message : HALT_CAUSES[cause];
  return {
    level: isOwnError ? "error" : halted ? "warn" : "ok",
    message: halted ? `${status}: ${why}` : CONTROL_STATUS[status],
    values: {
      status,
      cause,
      rate_hz: rateHz,
      priority,
      ticks,
      missed,
      woke_late: overruns.wokeLate,
      preempted: overruns.preempted,
      ran_long: overruns.ranLong,
      lateness_p99_us: lateness_us.p99,
      lateness_max_us: lateness_us.max,
      done_p99_us: done_us.p99,
      unread_ticks: host.lostTicks,
    },
  };
}

/** One sentence on a loop that has ended. */
export function sentenceOnLoop({ loop, collections }: ControlSummary): string {
  const { count, longest_us } = collections ?? { count: 0, longest_us: 0 };
  return `The control loop ran ${loop.ticks} ticks and missed ${loop.missed}; its own heap was collected ${count} times, ${longest_us} µs at most.`;
}
