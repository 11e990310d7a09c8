/** How commands are counted. */
export interface CountingOptions {
  /** Commands that are counted as one: those of a movement are limited together, or not. */
  readonly blockTicks: number;
  /** Blocks that are remembered. */
  readonly mostBlocks: number;
}

/** The share of commands that the gate limits, over the newest whole blocks of commands. */
export class LimitedShare {
  readonly #options: CountingOptions;
  /** Share in each whole block, the newest last. */
  readonly blocks: number[] = [];
  #ticks = 0;
  #limited = 0;

  constructor(options: CountingOptions) {
    this.#options = options;
  }

  add(isLimited: boolean): void {
    if (isLimited) this.#limited++;
    if (++this.#ticks < this.#options.blockTicks) return;
    this.blocks.push(this.#limited / this.#ticks);
    if (this.blocks.length > this.#options.mostBlocks) this.blocks.shift();
    this.#ticks = this.#limited = 0;
  }

  /** NaN before the first whole block. */
  get mean(): number {
    return this.blocks.reduce((sum, share) => sum + share, 0) / this.blocks.length;
  }
}
