import { HISTOGRAM_BYTES, LatencyHistogram } from "./latency-histogram.ts";

/** Why a tick was not done by the next deadline. */
export const OVERRUN_CAUSES = {
  wokeLate: "the machine woke the thread too late",
  preempted: "something else had the core while the tick ran: another thread, or the host of a virtual machine",
  ranLong: "the tick itself took too long",
} as const;
export type OverrunCause = keyof typeof OVERRUN_CAUSES;

const COUNTERS = ["ticks", "missed", "wokeLate", "preempted", "ranLong"] as const;
type Counter = (typeof COUNTERS)[number];
const COUNTER_BYTES = 4 * COUNTERS.length;

export interface LoopReport {
  readonly ticks: number;
  /** Deadlines that got no tick of their own: skipped, never made up for. */
  readonly missed: number;
  readonly overruns: Readonly<Record<OverrunCause, number>>;
  /** From the deadline until the thread was awake, and until the tick was done. Units: µs. */
  readonly lateness_us: Percentiles;
  readonly done_us: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Figures of one control loop in shared memory: counted by its thread, read by any. Timing: safe in the control loop. */
export class LoopStatistics {
  readonly memory: SharedArrayBuffer;
  readonly #counters: Uint32Array;
  readonly #lateness: LatencyHistogram;
  readonly #done: LatencyHistogram;

  constructor(memory = new SharedArrayBuffer(COUNTER_BYTES + 2 * HISTOGRAM_BYTES)) {
    this.memory = memory;
    this.#counters = new Uint32Array(memory, 0, COUNTERS.length);
    this.#lateness = new LatencyHistogram(memory, COUNTER_BYTES);
    this.#done = new LatencyHistogram(memory, COUNTER_BYTES + HISTOGRAM_BYTES);
  }

  recordTick(latenessNs: number, doneNs: number): void {
    this.#lateness.record(latenessNs);
    this.#done.record(doneNs);
    this.#add(0, 1);
  }

  recordOverrun(cause: OverrunCause, missed: number): void {
    this.#add(1, missed);
    this.#add(COUNTERS.indexOf(cause), 1);
  }

  report(): LoopReport {
    const count = (name: Counter) => this.#counters[COUNTERS.indexOf(name)]!;
    return {
      ticks: count("ticks"),
      missed: count("missed"),
      overruns: { wokeLate: count("wokeLate"), preempted: count("preempted"), ranLong: count("ranLong") },
      lateness_us: percentilesUs(this.#lateness),
      done_us: percentilesUs(this.#done),
    };
  }

  #add(counter: number, amount: number): void {
    this.#counters[counter] = this.#counters[counter]! + amount;
  }
}

export function percentilesUs(histogram: LatencyHistogram): Percentiles {
  const us = (ns: number) => Math.round(ns / 100) / 10;
  return {
    p50: us(histogram.quantileNs(0.5)),
    p99: us(histogram.quantileNs(0.99)),
    p999: us(histogram.quantileNs(0.999)),
    max: us(histogram.maxNs),
  };
}
