import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import type { RealTimeGrant } from "../../nodes/control/real-time.ts";
import type { Finding } from "./finding.ts";
import type { TimingRequest } from "./timing-thread.ts";

/** As the control loop at 500 Hz, for about a second. */
const REQUEST: TimingRequest = { priority: 80, wakes: 500, periodNs: 2e6 };
/** Lateness that commands at 100 Hz bear: a tenth of the period. */
const P99_WANTED_US = 1000;

/** Real-time priority, tried for real, and how late a thread that keeps time wakes on this machine now. */
export async function examineTiming(): Promise<Finding[]> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const worker = new Worker(new URL("./timing-thread.js", import.meta.url), { workerData: REQUEST });
  const [{ grant, latenessUs }] = (await once(worker, "message")) as [{ grant: RealTimeGrant; latenessUs: number[] }];
  return [describePriority(grant, realTimeLimit(limits)), describeTimer(grant, latenessUs)];
}

/** The highest real-time priority that an ordinary user may take, from /proc/self/limits; NaN where it is not known. */
export function realTimeLimit(limits: string): number {
  const [, soft] = /^Max realtime priority\s+(\S+)/m.exec(limits) ?? [];
  return soft === "unlimited" ? 99 : Number(soft ?? Number.NaN);
}

function describePriority({ priority, refusals }: RealTimeGrant, limit: number): Finding {
  return {
    name: "real-time priority",
    status: priority > 0 ? "ok" : "missing",
    found: priority > 0 ? `SCHED_FIFO ${priority} granted` : (refusals[0] ?? "refused"),
    gives: "a control loop that other programs do not delay",
    remedy:
      "Add '@realtime - rtprio 90' to /etc/security/limits.conf, join that group and log in again; in a container allow CAP_SYS_NICE.",
    values: { priority, rtprio_limit: limit },
  };
}

function describeTimer({ sleep }: RealTimeGrant, latenessUs: readonly number[]): Finding {
  const sorted = latenessUs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const [p50, p99, max] = [at(0.5), at(0.99), at(1)];
  return {
    name: "timer",
    status: p99 <= P99_WANTED_US ? "ok" : "missing",
    found: `${sleep} at ${1e9 / REQUEST.periodNs} Hz: late by ${p50.toFixed(0)} µs p50, ${p99.toFixed(0)} µs p99, ${max.toFixed(0)} µs at most`,
    gives: "commands on time",
    remedy: "Stop what else runs here, and see real-time priority.",
    values: { sleep, p50_us: p50, p99_us: p99, max_us: max },
  };
}
