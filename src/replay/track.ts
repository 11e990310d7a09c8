import { partitionPoint } from "../math/partition-point.ts";
import { Samples } from "../math/samples.ts";

export interface Sample<Value> {
  readonly stampNs: bigint;
  readonly value: Value;
}

/** A sample older than so many of its signal's usual intervals is from another time. */
const STALE_INTERVALS = 10;
/** But never one that is younger than this, however fast its signal is. */
const LEAST_STALE_NS = 1e9;

/** Samples of one signal, in the order of their stamps: ROS clock, nanoseconds. */
export class Track<Value> {
  readonly #stamps: bigint[] = [];
  readonly #values: Value[] = [];
  #usual = { samples: 0, intervalNs: 0 };

  get length(): number {
    return this.#stamps.length;
  }

  /** Takes a sample; one that is older than others goes in front of them. */
  add(stampNs: bigint, value: Value): void {
    const place = this.#stamps.length === 0 || stampNs >= this.#stamps.at(-1)! ? this.length : this.countUntil(stampNs);
    this.#stamps.splice(place, 0, stampNs);
    this.#values.splice(place, 0, value);
  }

  /** Samples whose stamp is not after `stampNs`. */
  countUntil(stampNs: bigint): number {
    return partitionPoint(this.#stamps.length, (i) => this.#stamps[i]! <= stampNs);
  }

  /** The newest sample that existed at a time; the first one for a time before all. Undefined if there are none. */
  newestAt(stampNs: bigint): Sample<Value> | undefined {
    return this.length === 0 ? undefined : this.#sample(Math.max(0, this.countUntil(stampNs) - 1));
  }

  /**
   * The newest sample at a time, unless it is stale. A signal that had only just begun, or begun again, gives the next one, if that
   * came within its usual interval. Undefined if both are from another time.
   * @param leastNs a sample that is not older is never stale
   */
  freshAt(stampNs: bigint, leastNs = 0): Sample<Value> | undefined {
    const count = this.countUntil(stampNs);
    const intervalNs = this.#usualIntervalNs();
    const staleNs = Math.max(LEAST_STALE_NS, leastNs, STALE_INTERVALS * intervalNs);
    if (count > 0 && Number(stampNs - this.#stamps[count - 1]!) <= staleNs) return this.#sample(count - 1);
    if (count < this.length && Number(this.#stamps[count]! - stampNs) <= intervalNs) return this.#sample(count);
    return undefined;
  }

  /** Samples from `startNs` on, before `endNs`. */
  between(startNs: bigint, endNs: bigint): readonly Value[] {
    return this.#values.slice(this.countUntil(startNs - 1n), this.countUntil(endNs - 1n));
  }

  #sample(index: number): Sample<Value> {
    return { stampNs: this.#stamps[index]!, value: this.#values[index]! };
  }

  /** Median time between two samples; 0 with fewer than two. */
  #usualIntervalNs(): number {
    if (this.#usual.samples !== this.length) {
      this.#usual = { samples: this.length, intervalNs: usualIntervalNs(this.#stamps) };
    }
    return this.#usual.intervalNs;
  }
}

/** Median time between two stamps; 0 with fewer than two. Units: nanoseconds */
export function usualIntervalNs(stampsNs: readonly bigint[]): number {
  return new Samples(stampsNs.slice(1).map((ns, i) => Number(ns - stampsNs[i]!))).percentile(0.5) || 0;
}
