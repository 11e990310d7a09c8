/** Resolution of the finest buckets, in nanoseconds. */
const UNIT_NS = 64;
const SUB_BITS = 5;
const SUB_BUCKETS = 2 ** SUB_BITS;
/** Buckets for every 32-bit count of units: up to 275 s. */
const BUCKETS = (32 - SUB_BITS + 1) * SUB_BUCKETS;
const MAX_UNITS = 2 ** 32 - 1;

export const HISTOGRAM_BYTES = 4 * (BUCKETS + 1);

/**
 * Counts durations in buckets that are 3 % wide, as many per power of two: percentiles without keeping the samples.
 *
 * Source: the log-linear buckets of HdrHistogram (Tene 2012). Timing: `record` is safe in the control loop, allocates
 * nothing; over shared memory another thread may read meanwhile.
 */
export class LatencyHistogram {
  /** Word 0: the longest duration in units; then the buckets. */
  readonly #words: Uint32Array;

  constructor(memory: ArrayBufferLike = new ArrayBuffer(HISTOGRAM_BYTES), byteOffset = 0) {
    this.#words = new Uint32Array(memory, byteOffset, BUCKETS + 1);
  }

  /** A negative duration counts as 0. */
  record(durationNs: number): void {
    const units = Math.min(Math.max(Math.round(durationNs / UNIT_NS), 0), MAX_UNITS);
    const bucket = 1 + bucketOf(units);
    this.#words[bucket] = this.#words[bucket]! + 1;
    if (units > this.#words[0]!) this.#words[0] = units;
  }

  get count(): number {
    let count = 0;
    for (let i = 1; i <= BUCKETS; i++) count += this.#words[i]!;
    return count;
  }

  get maxNs(): number {
    return this.#words[0]! * UNIT_NS;
  }

  /** The duration that this share of all samples does not exceed, at most 3 % too long; NaN without samples. */
  quantileNs(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#words[1 + i]!;
      if (seen >= rank) return Math.min(lastUnitOf(i) * UNIT_NS, this.maxNs);
    }
    return Number.NaN;
  }

  reset(): void {
    this.#words.fill(0);
  }
}

function bucketOf(units: number): number {
  if (units < SUB_BUCKETS) return units;
  const shift = 31 - Math.clz32(units) - SUB_BITS;
  return (shift + 1) * SUB_BUCKETS + ((units >>> shift) & (SUB_BUCKETS - 1));
}

function lastUnitOf(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  return (SUB_BUCKETS + (bucket % SUB_BUCKETS) + 1) * 2 ** shift - 1;
}
