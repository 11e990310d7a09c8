import type { Clock } from "../../core/clock.ts";
import type { Verdict } from "../../learning/gates/gate.ts";
import type { ModelRef } from "../../learning/models/ledger.ts";
import { type ModelsFolder, refOf } from "../../learning/models/models-folder.ts";
import { wallClock } from "../../learning/models/propose.ts";

/** Who did it, in the ledger. */
export const NODE = "world-model node";

/** What a running node reads from the models folder and writes into its ledger. */
export class SwapLedger {
  readonly #models: ModelsFolder;
  readonly #clock: Clock;

  constructor(models: ModelsFolder, clock: Clock) {
    this.#models = models;
    this.#clock = clock;
  }

  folderOf({ name }: ModelRef): string {
    return this.#models.folderOf(name);
  }

  /**
   * The newest candidate that passed its gates against the live model and has not been tried, or why there is none.
   * @param own hash of the model that acts in this node
   * @param askedFor an operator may have a model tried again, by leading it through the gates once more
   */
  async adoptable(own: string, askedFor: boolean): Promise<ModelRef | string> {
    const live = await this.#models.live();
    if (live?.hash !== own) {
      return `this node runs ${own}, but ${live?.name ?? "no model"} is live in ${this.#models.path}`;
    }
    const { events } = await this.#models.ledger();
    const newest = events.findLast(({ event }) => event === "judged");
    if (newest?.event !== "judged" || !newest.passed) return "the newest candidate has not passed the gates";
    const { model } = newest;
    if (model.hash === own) return `${model.name} acts already`;
    const sinceJudged = events.slice(events.indexOf(newest) + 1);
    const tried = (askedFor ? sinceJudged : events).findLast(
      ({ event, model: { hash } }) => hash === model.hash && event !== "judged",
    );
    if (tried) return `${model.name} was tried before: ${tried.event}`;
    if (newest.live !== null && newest.live.hash !== own) return `${model.name} was judged against another live model`;
    return model;
  }

  /** The model before the live one. */
  previous(): Promise<ModelRef | undefined> {
    return this.#models.previous();
  }

  /** @param own hash of the model that acts in this node */
  async recordShadow(model: ModelRef, own: string, passed: boolean, verdicts: readonly Verdict[]): Promise<void> {
    const stored = await this.#models.live();
    const live = stored ? refOf(stored) : { name: "", hash: own };
    await this.#models.record({
      event: "shadowed",
      at: wallClock(this.#clock),
      model,
      live,
      passed,
      verdicts: [...verdicts],
    });
  }

  promote(model: ModelRef): Promise<void> {
    return this.#models.promote(model, NODE, wallClock(this.#clock));
  }

  async recordKept(model: ModelRef, verdicts: readonly Verdict[]): Promise<void> {
    await this.#models.record({ event: "kept", at: wallClock(this.#clock), model, verdicts: [...verdicts] });
  }

  async rollBack(by: "operator" | "node", reason: string, verdicts: readonly Verdict[] = []): Promise<void> {
    await this.#models.rollBack(by === "node" ? NODE : by, reason, wallClock(this.#clock), [...verdicts]);
  }
}
