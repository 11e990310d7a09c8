/** Means of each metric over the updates of a slice. */
export class MetricMeans {
  readonly #sums: Record<string, number> = {};
  #count = 0;

  add(metrics: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(metrics)) this.#sums[name] = (this.#sums[name] ?? 0) + value;
    this.#count++;
  }

  read(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.#count]));
  }
}
