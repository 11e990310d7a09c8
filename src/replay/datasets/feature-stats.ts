/** Statistics of one feature, as LeRobot's stats.json has them. Shapes: each [width]; count [1] */
export interface FeatureStats {
  readonly min: number[];
  readonly max: number[];
  readonly mean: number[];
  readonly std: number[];
  readonly count: number[];
}

/** Sums from which mean and deviation come, gathered row by row (Welford 1962). */
export class FeatureSummary {
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  readonly #mean: Float64Array;
  readonly #squares: Float64Array;
  #count = 0;

  constructor(width: number) {
    this.#min = new Float64Array(width).fill(Number.POSITIVE_INFINITY);
    this.#max = new Float64Array(width).fill(Number.NEGATIVE_INFINITY);
    this.#mean = new Float64Array(width);
    this.#squares = new Float64Array(width);
  }

  add(row: ArrayLike<number>): void {
    this.#count++;
    for (let i = 0; i < this.#mean.length; i++) {
      const value = row[i]!;
      const before = value - this.#mean[i]!;
      this.#mean[i]! += before / this.#count;
      this.#squares[i]! += before * (value - this.#mean[i]!);
      this.#min[i] = Math.min(this.#min[i]!, value);
      this.#max[i] = Math.max(this.#max[i]!, value);
    }
  }

  get stats(): FeatureStats {
    return {
      min: Array.from(this.#min),
      max: Array.from(this.#max),
      mean: Array.from(this.#mean),
      std: Array.from(this.#squares, (sum) => Math.sqrt(sum / Math.max(1, this.#count))),
      count: [this.#count],
    };
  }
}

/** Adds every pixel of a rgb8 picture as a row of three values from 0 to 1; only every `stride`-th, to stay cheap. */
export function addPicture(summary: FeatureSummary, data: Uint8Array, stride: number): void {
  const row = new Float64Array(3);
  for (let i = 0; i + 2 < data.length; i += 3 * stride) {
    row[0] = data[i]! / 255;
    row[1] = data[i + 1]! / 255;
    row[2] = data[i + 2]! / 255;
    summary.add(row);
  }
}
