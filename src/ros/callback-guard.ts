import { messageOf } from "../core/errors.ts";
import type { Diagnosis, Logger } from "../core/node.ts";

/**
 * Every callback that rclnodejs makes goes through `run`: a throw that reached it would abort the process without a word.
 * An error is logged when it changes, counted always, and seen in the diagnostics.
 */
export class CallbackGuard {
  readonly #node: string;
  readonly #log: Logger;
  #errors = 0;
  #lastError = "";

  constructor(node: string, log: Logger) {
    this.#node = node;
    this.#log = log;
  }

  run(where: string, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.report(where, thrown);
    }
  }

  report(where: string, thrown: unknown): void {
    this.#errors++;
    const error = `${where}: ${messageOf(thrown)}`;
    if (error !== this.#lastError) this.#log.error(`Node '${this.#node}' threw on ${error}`);
    this.#lastError = error;
  }

  diagnosis(): Diagnosis {
    const values = { callback_errors: this.#errors };
    return this.#errors === 0
      ? { level: "ok", message: "running", values }
      : { level: "error", message: this.#lastError, values };
  }
}
