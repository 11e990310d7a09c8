import { partitionPoint } from "../math/partition-point.ts";

/** Samples of one signal, in the order of their stamps: ROS clock, nanoseconds. */
export class Track<Value> {
  readonly #stamps: bigint[] = [];
  readonly #values: Value[] = [];

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
  newestAt(stampNs: bigint): { stampNs: bigint; value: Value } | undefined {
    const index = Math.max(0, this.countUntil(stampNs) - 1);
    const value = this.#values[index];
    return value === undefined ? undefined : { stampNs: this.#stamps[index]!, value };
  }

  /** Samples from `startNs` on, before `endNs`. */
  between(startNs: bigint, endNs: bigint): readonly Value[] {
    return this.#values.slice(this.countUntil(startNs - 1n), this.countUntil(endNs - 1n));
  }
}
