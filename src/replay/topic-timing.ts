/** A pause between two messages. */
export interface Gap {
  readonly afterNs: bigint;
  readonly ms: number;
}

/** Units: the clock is the ROS clock; times by capture stamp where messages have one, by receive stamp otherwise. */
export interface TopicReport {
  readonly topic: string;
  readonly type: string;
  readonly messages: number;
  readonly bytes: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly rateHz: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Pauses of more than `GAP_FACTOR` median intervals on a topic with a steady rate, the longest first. */
  readonly gaps: readonly Gap[];
  /** Messages that are older than the one before. */
  readonly unordered: number;
  /** Messages with the same capture stamp as the one before: a frame sent twice. */
  readonly repeated: number;
  /** From capture to receipt. */
  readonly medianDelayMs: number | undefined;
}

export const GAP_FACTOR = 3;
/** Fewer messages show no rate to keep. */
const FEWEST_FOR_GAPS = 10;
/** Nor do messages whose intervals differ so much anyway: nine in ten must come within so many medians. */
const STEADY_FACTOR = 2;

/** Collects the stamps of one topic. */
export class TopicTiming {
  readonly topic: string;
  readonly type: string;
  readonly #stamps: bigint[] = [];
  readonly #delaysMs: number[] = [];
  #bytes = 0;

  constructor(topic: string, type: string) {
    this.topic = topic;
    this.type = type;
  }

  add(logTimeNs: bigint, capturedNs: bigint | undefined, bytes: number): void {
    this.#stamps.push(capturedNs ?? logTimeNs);
    if (capturedNs !== undefined) this.#delaysMs.push(Number(logTimeNs - capturedNs) / 1e6);
    this.#bytes += bytes;
  }

  /** Seconds since `originNs` and milliseconds since the message before, for drawing. */
  intervals(originNs: bigint): [seconds: number, ms: number][] {
    return this.#stamps.slice(1).map((ns, i) => [Number(ns - originNs) / 1e9, Number(ns - this.#stamps[i]!) / 1e6]);
  }

  report(): TopicReport {
    const stamps = this.#stamps;
    const intervalsMs = this.intervals(0n).map(([, ms]) => ms);
    const sorted = Float64Array.from(intervalsMs).sort();
    const medianMs = quantile(sorted, 0.5);
    const [startNs, endNs] = [stamps[0] ?? 0n, stamps.at(-1) ?? 0n];
    const seconds = Number(endNs - startNs) / 1e9;
    const steady = stamps.length >= FEWEST_FOR_GAPS && quantile(sorted, 0.9) <= STEADY_FACTOR * medianMs;
    const gaps = intervalsMs
      .map((ms, i) => ({ afterNs: stamps[i]!, ms }))
      .filter(({ ms }) => steady && ms > GAP_FACTOR * medianMs)
      .sort((a, b) => b.ms - a.ms);
    const delays = Float64Array.from(this.#delaysMs).sort();
    return {
      topic: this.topic,
      type: this.type,
      messages: stamps.length,
      bytes: this.#bytes,
      startNs,
      endNs,
      rateHz: seconds > 0 ? (stamps.length - 1) / seconds : 0,
      medianMs,
      p99Ms: quantile(sorted, 0.99),
      maxMs: sorted.at(-1) ?? 0,
      gaps,
      unordered: intervalsMs.filter((ms) => ms < 0).length,
      repeated: this.#delaysMs.length === 0 ? 0 : intervalsMs.filter((ms) => ms === 0).length,
      medianDelayMs: delays.length === 0 ? undefined : quantile(delays, 0.5),
    };
  }
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
