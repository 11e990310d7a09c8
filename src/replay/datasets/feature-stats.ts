/** Statistics of one feature, as LeRobot's stats.json has them. Shapes: each [width]; count [1] */
export interface FeatureStats extends Readonly<Record<(typeof QUANTILES)[number][0], number[]>> {
  readonly min: number[];
  readonly max: number[];
  readonly mean: number[];
  readonly std: number[];
  /** Frames that the others are of. */
  readonly count: number[];
}

/** Those of LeRobot (compute_stats.py). Ours are exact where LeRobot reads them from histograms. */
const QUANTILES = [
  ["q01", 0.01],
  ["q10", 0.1],
  ["q50", 0.5],
  ["q90", 0.9],
  ["q99", 0.99],
] as const;

/** Gathers frames of a feature. */
export interface FeatureSummary<Frame> {
  add(frame: Frame): void;
  readonly stats: FeatureStats;
}

/** Of vectors. Keeps all values: 8 bytes each. */
export class VectorSummary implements FeatureSummary<ArrayLike<number>> {
  readonly #columns: number[][];

  constructor(width: number) {
    this.#columns = Array.from({ length: width }, () => []);
  }

  add(row: ArrayLike<number>): void {
    this.#columns.forEach((column, i) => {
      column.push(row[i]!);
    });
  }

  get stats(): FeatureStats {
    const sorted = this.#columns.map((column) => Float64Array.from(column).sort());
    const mean = sorted.map((values) => meanOf(values, (value) => value));
    return {
      min: sorted.map((values) => values[0]!),
      max: sorted.map((values) => values.at(-1)!),
      mean,
      std: sorted.map((values, i) => Math.sqrt(meanOf(values, (value) => (value - mean[i]!) ** 2))),
      count: [sorted[0]?.length ?? 0],
      ...quantiles((share) => sorted.map((values) => interpolate(share, values.length, (index) => values[index]!))),
    };
  }
}

const LEVELS = 256;

/** Of rgb8 pictures, values from 0 to 1. Only every `stride`-th pixel counts, to stay cheap. */
export class PictureSummary implements FeatureSummary<Uint8Array> {
  readonly #stride: number;
  /** How often each channel had each level. */
  readonly #counts = [0, 1, 2].map(() => new Float64Array(LEVELS));
  #frames = 0;

  constructor(stride: number) {
    this.#stride = stride;
  }

  add(picture: Uint8Array): void {
    this.#frames++;
    for (let i = 0; i + 2 < picture.length; i += 3 * this.#stride) {
      for (let channel = 0; channel < 3; channel++) this.#counts[channel]![picture[i + channel]!]!++;
    }
  }

  get stats(): FeatureStats {
    const totals = this.#counts.map((counts) => counts.reduce((sum, count) => sum + count, 0));
    const moment = (channel: number, value: (level: number) => number) =>
      this.#counts[channel]!.reduce((sum, count, level) => sum + count * value(level / (LEVELS - 1)), 0) /
      totals[channel]!;
    const mean = [0, 1, 2].map((channel) => moment(channel, (value) => value));
    const extreme = (find: (counts: Float64Array) => number) =>
      this.#counts.map((counts) => find(counts) / (LEVELS - 1));
    return {
      min: extreme((counts) => counts.findIndex((count) => count > 0)),
      max: extreme((counts) => counts.findLastIndex((count) => count > 0)),
      mean,
      std: mean.map((center, channel) => Math.sqrt(moment(channel, (value) => (value - center) ** 2))),
      count: [this.#frames],
      ...quantiles((share) =>
        this.#counts.map((counts, i) => interpolate(share, totals[i]!, (rank) => levelAt(counts, rank) / (LEVELS - 1))),
      ),
    };
  }
}

/** The level of the pixel that has so many before it, in the order of levels. */
function levelAt(counts: Float64Array, rank: number): number {
  let before = 0;
  return counts.findIndex((count) => (before += count) > rank);
}

function quantiles(at: (share: number) => number[]) {
  return Object.fromEntries(QUANTILES.map(([name, share]) => [name, at(share)])) as Record<
    (typeof QUANTILES)[number][0],
    number[]
  >;
}

/** Between the two values that a share of all lies between (Hyndman & Fan 1996, definition 7). */
function interpolate(share: number, count: number, valueAt: (rank: number) => number): number {
  const place = share * (count - 1);
  const below = valueAt(Math.floor(place));
  return below + (place - Math.floor(place)) * (valueAt(Math.ceil(place)) - below);
}

function meanOf(values: Float64Array, of: (value: number) => number): number {
  return values.reduce((sum, value) => sum + of(value), 0) / values.length;
}
