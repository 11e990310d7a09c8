/**
 * One-sided cumulative sum: rises while values stay above a reference, and falls back to 0 when they do not.
 *
 * It notices a small change that lasts, which no single value shows.
 * Source: Page 1954, Biometrika 41, 100–115.
 */
export class Cusum {
  level = 0;
  readonly #reference: number;
  readonly #ceiling: number;

  /** @param ceiling the level rises no higher, so that a long change is not remembered for as long again */
  constructor(reference: number, ceiling = Number.POSITIVE_INFINITY) {
    this.#reference = reference;
    this.#ceiling = ceiling;
  }

  add(value: number): number {
    this.level = Math.min(Math.max(0, this.level + value - this.#reference), this.#ceiling);
    return this.level;
  }
}
