import type { Clock } from "../../core/clock.ts";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";
import { RestartBudget } from "../host/restart-budget.ts";
import type { ActingModel } from "./acting-model.ts";

export interface RevivalOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly wait: (ms: number) => Promise<void>;
}

/** Gives models their inference thread back when it has ended: soon, then ever later, and only a few times a minute. */
export class Revival {
  readonly #options: RevivalOptions;
  readonly #budget = new RestartBudget();
  readonly #underway = new Set<Pick<ActingModel, "revive">>();

  constructor(options: RevivalOptions) {
    this.#options = options;
  }

  /** For each step that found the thread lost. Resolves with true when this call brought the model back. */
  async revive(model: Pick<ActingModel, "revive">): Promise<boolean> {
    const { clock, log, wait } = this.#options;
    if (this.#underway.has(model)) return false;
    const delayMs = this.#budget.spend(clock.monotonicNs());
    if (delayMs === undefined) return false;
    this.#underway.add(model);
    try {
      await wait(delayMs);
      await model.revive();
      log.warn("The inference thread was started again; the model's belief begins anew.");
      return true;
    } catch (thrown) {
      const isClosed = thrown instanceof LatentloopError && thrown.code === "ERR_INFERENCE_CLOSED";
      if (!isClosed) log.error(`The inference thread could not be started again: ${messageOf(thrown)}`);
      return false;
    } finally {
      this.#underway.delete(model);
    }
  }
}
