import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";

/** Whether the steps of the live model succeed. The log hears of it when it changes, not at every step. */
export class StepHealth {
  readonly #log: Logger;
  #failure: string | undefined;
  #lateInARow = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Why the last step failed; undefined once one has made a plan. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Steps since the last plan that was in time. */
  get lateInARow(): number {
    return this.#lateInARow;
  }

  onFailure(thrown: unknown): void {
    const failure = messageOf(thrown);
    if (failure === this.#failure) return;
    this.#failure = failure;
    this.#log.error("A policy step failed: the robot goes on with its last plan and then halts.", {
      thrown: String(thrown),
      ...(thrown instanceof LatentloopError && thrown.remedy !== undefined && { remedy: thrown.remedy }),
    });
  }

  onLate(): void {
    this.#lateInARow++;
  }

  onSuccess(): void {
    this.#lateInARow = 0;
    if (this.#failure !== undefined) this.#log.info("Policy steps succeed again.");
    this.#failure = undefined;
  }

  /** Forgets how steps went before. */
  reset(): void {
    this.#failure = undefined;
    this.#lateInARow = 0;
  }
}
