/** Runs transitions one after the other; what to do about one that fails is said once. */
export class TransitionQueue {
  readonly #onFailure: (thrown: unknown) => Promise<void>;
  #last: Promise<void> = Promise.resolve();
  #pending = 0;

  constructor(onFailure: (thrown: unknown) => Promise<void>) {
    this.#onFailure = onFailure;
  }

  get isIdle(): boolean {
    return this.#pending === 0;
  }

  /** Resolves when the transition, or what was done about its failure, is over. */
  run(transition: () => Promise<void>): Promise<void> {
    this.#pending++;
    this.#last = this.#last.then(async () => {
      try {
        await transition();
      } catch (thrown) {
        await this.#onFailure(thrown);
      } finally {
        this.#pending--;
      }
    });
    return this.#last;
  }

  /** Waits for all that was asked for so far. */
  settled(): Promise<void> {
    return this.#last;
  }
}
