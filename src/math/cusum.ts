/**
 * One-sided cumulative sum: rises while values stay above a reference, and falls back to 0 when they do not.
 *
 * It notices a small change that lasts, which no single value shows.
 * Source: Page 1954, Biometrika 41, 100–115.
 */
export class Cusum {
  level = 0;
  readonly #reference: number;

  constructor(reference: number) {
    this.#reference = reference;
  }

  add(value: number): number {
    this.level = Math.max(0, this.level + value - this.#reference);
    return this.level;
  }
}
