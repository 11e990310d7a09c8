import { type FeatureStats, type FeatureSummary, PictureSummary, VectorSummary } from "./feature-stats.ts";

/** A feature's figures by name: of a vector's elements, or of a picture's channels as [3, 1, 1], to be applied to [C, H, W]. */
export type Figures = Readonly<Record<keyof FeatureStats, readonly unknown[]>>;

/** Statistics of every feature of a data set, or of one episode of it. */
export class DatasetStats {
  readonly #vectors = new Map<string, FeatureSummary<ArrayLike<number>>>();
  readonly #pictures = new Map<string, FeatureSummary<Uint8Array>>();

  addVector(feature: string, row: ArrayLike<number>): void {
    entryOf(this.#vectors, feature, () => new VectorSummary(row.length)).add(row);
  }

  /** @param stride only every so many-th pixel counts */
  addPicture(feature: string, picture: Uint8Array, stride: number): void {
    entryOf(this.#pictures, feature, () => new PictureSummary(stride)).add(picture);
  }

  get figures(): Readonly<Record<string, Figures>> {
    const vectors = [...this.#vectors].map(([feature, { stats }]) => [feature, stats]);
    const pictures = [...this.#pictures].map(([feature, { stats }]) => [feature, byChannel(stats)]);
    return Object.fromEntries([...vectors, ...pictures]);
  }
}

function byChannel(stats: FeatureStats): Figures {
  const nested = Object.entries(stats).map(([figure, values]: [string, number[]]) => [
    figure,
    figure === "count" ? values : values.map((value) => [[value]]),
  ]);
  return Object.fromEntries(nested);
}

function entryOf<Value>(entries: Map<string, Value>, key: string, make: () => Value): Value {
  let value = entries.get(key);
  if (value === undefined) entries.set(key, (value = make()));
  return value;
}
