import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Logger, TriggerResponse } from "../../core/node.ts";
import type { HaltCause } from "../../core/status.ts";
import type { Verdict } from "../../learning/gates/gate.ts";
import type { LedgerEvent, ModelRef } from "../../learning/models/ledger.ts";
import { type ModelsFolder, refOf } from "../../learning/models/models-folder.ts";
import { wallClock } from "../../learning/models/propose.ts";
import type { ActingModel } from "./acting-model.ts";
import type { PolicyObserver } from "./policy-loop.ts";
import { judgeShadow, judgeWatch, SwapFigures } from "./swap-figures.ts";
import type { SwapParameters } from "./swap-parameters.ts";

export type SwapState = "steady" | "loading" | "shadow" | "watching";

/** What a swap needs of the policy loop. */
export interface SwappableLoop {
  readonly live: ActingModel;
  watch(observer: PolicyObserver): void;
  attachShadow(model: ActingModel): Promise<void>;
  detachShadow(): Promise<ActingModel | undefined>;
  exchange(): Promise<void>;
}

export interface HotSwapOptions {
  readonly loop: SwappableLoop;
  readonly models: ModelsFolder;
  readonly parameters: SwapParameters;
  readonly clock: Clock;
  readonly log: Logger;
  /** Surprise above which the control loop slows the robot down; Infinity where none was calibrated. */
  readonly surpriseWarn: number;
  load(folder: string): Promise<ActingModel>;
  /** Called at every change. */
  onState(state: SwapState, live: string, other: string | undefined): void;
}

/** Who did it, in the ledger. */
export const NODE = "world-model node";

/**
 * Lets a candidate take the live model's place while the robot works: load, shadow run, switch between two policy steps,
 * watch, and back again when it turns out worse.
 *
 * `tick` drives it; every step is in the ledger before it takes effect, but for a rollback, which comes first.
 */
export class HotSwap {
  readonly #options: HotSwapOptions;
  #state: SwapState = "steady";
  #phaseEndNs = Number.POSITIVE_INFINITY;
  #candidate: ModelRef | undefined;
  /** The model before the live one, loaded and ready. */
  #warm: ActingModel | undefined;
  #own: SwapFigures;
  #other: SwapFigures;
  #before: SwapFigures;
  /** Transitions follow one another. */
  #work: Promise<void> = Promise.resolve();
  #pending = 0;
  #closed = false;

  constructor(options: HotSwapOptions) {
    this.#options = options;
    this.#own = this.#other = this.#before = new SwapFigures(options.surpriseWarn);
    options.loop.watch({
      onPlan: (plan) => this.#own.addPlan(plan),
      onShadowPlan: (plan, inForce) => {
        this.#other.addPlan(plan);
        if (plan && inForce) this.#other.addChange(plan, inForce);
      },
      onFailure: (who) => {
        if (who === "live") this.#own.failures++;
        else this.#other.failures++;
      },
    });
  }

  get state(): SwapState {
    return this.#state;
  }

  onTick(limitBits: number, haltCause: HaltCause): void {
    this.#own.addTick(limitBits, haltCause);
  }

  onReward(reward: number): void {
    this.#own.addReward(reward);
  }

  /** Begins with the newest candidate that passed its gates against the live model. */
  async promote(): Promise<TriggerResponse> {
    if (!this.#isFree()) return refused("a candidate is on trial");
    const found = await this.#adoptable();
    if (typeof found === "string") return refused(found);
    if (!this.#isFree()) return refused("a candidate is on trial"); // since we looked
    void this.#queue(() => this.#begin(found));
    return { success: true, message: `${found.name} runs beside the live model first: follow ~/model_state` };
  }

  /** Ends a trial, or makes the model before the live one act again. */
  async rollBack(): Promise<TriggerResponse> {
    if (this.#closed) return refused("the node stops");
    let answer: TriggerResponse = refused("the node stops");
    await this.#queue(async () => {
      answer = await this.#rollBackByHand();
    });
    return answer;
  }

  /** Looks whether a phase is over or has gone wrong. Call it a few times a second. */
  tick(): void {
    if (this.#pending > 0 || this.#closed) return;
    if (this.#state === "shadow" && this.#isOver()) void this.#queue(() => this.#endShadow());
    if (this.#state !== "watching") return;
    const verdicts = judgeWatch(this.#own, this.#before, this.#options.parameters);
    const breach = verdicts.find(({ passed }) => passed === false);
    if (breach) void this.#queue(() => this.#abandonSwitch(NODE, `${breach.gate}: ${breach.note}`, verdicts));
    else if (this.#isOver()) void this.#queue(() => this.#keep(verdicts));
  }

  /** As `promote`, for a node that adopts candidates by itself; says nothing when there is none. */
  async adopt(): Promise<void> {
    if (!this.#isFree()) return;
    const found = await this.#adoptable();
    if (typeof found !== "string" && this.#isFree()) await this.#queue(() => this.#begin(found));
  }

  /** Waits for the transition that is under way. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** Waits for what is under way and unloads what does not act. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
    await (await this.#options.loop.detachShadow())?.close();
    await this.#warm?.close();
    this.#warm = undefined;
  }

  async #begin(candidate: ModelRef): Promise<void> {
    const { loop, models, load, surpriseWarn } = this.#options;
    this.#candidate = candidate;
    this.#enter("loading", Number.POSITIVE_INFINITY);
    await this.#cool();
    let model: ActingModel;
    try {
      model = await load(models.folderOf(candidate.name));
    } catch (thrown) {
      return this.#refuse([failed("load", messageOf(thrown))]);
    }
    if (model.bundle.modelHash !== candidate.hash) {
      await model.close();
      return this.#refuse([failed("load", `its hash is ${model.bundle.modelHash}: it changed since it was judged`)]);
    }
    try {
      await loop.attachShadow(model);
    } catch (thrown) {
      await model.close();
      return this.#refuse([failed("belief", messageOf(thrown))]);
    }
    this.#own = new SwapFigures(surpriseWarn);
    this.#other = new SwapFigures(surpriseWarn);
    this.#enter("shadow", this.#options.parameters.shadowSeconds);
  }

  async #endShadow(): Promise<void> {
    const { loop, models, parameters, surpriseWarn } = this.#options;
    const verdicts = judgeShadow(this.#other, this.#own, parameters);
    if (verdicts.some(({ passed }) => passed === false)) {
      await (await loop.detachShadow())?.close();
      return this.#refuse(verdicts);
    }
    await this.#recordShadow(true, verdicts);
    await models.promote(this.#candidate!, NODE, wallClock(this.#options.clock));
    this.#before = this.#own;
    await loop.exchange();
    this.#own = new SwapFigures(surpriseWarn);
    this.#other = new SwapFigures(surpriseWarn);
    this.#enter("watching", parameters.watchSeconds);
    this.#options.log.info(`${this.#candidate!.name} acts now and is watched for ${parameters.watchSeconds} s.`);
  }

  /** The watch is over: the old model rests, loaded. */
  async #keep(verdicts: readonly Verdict[]): Promise<void> {
    const { loop, models, clock } = this.#options;
    this.#warm = await loop.detachShadow();
    await models.record({ event: "kept", at: wallClock(clock), model: this.#candidate!, verdicts: [...verdicts] });
    this.#enter("steady", Number.POSITIVE_INFINITY);
  }

  /** Back to the old model, first of all; the record comes after. */
  async #abandonSwitch(by: string, reason: string, verdicts: readonly Verdict[]): Promise<void> {
    const { loop, models, clock, log } = this.#options;
    await loop.exchange();
    const rejected = await loop.detachShadow();
    log.warn(`${this.#candidate!.name} was rolled back: ${reason}.`);
    try {
      await models.rollBack(by, reason, wallClock(clock), [...verdicts]);
    } finally {
      await rejected?.close();
    }
    this.#enter("steady", Number.POSITIVE_INFINITY);
  }

  async #rollBackByHand(): Promise<TriggerResponse> {
    const { loop, models, clock, load } = this.#options;
    if (this.#state === "watching") {
      await this.#abandonSwitch("operator", "asked for", judgeWatch(this.#own, this.#before, this.#options.parameters));
      return { success: true, message: "the model before the candidate acts again" };
    }
    if (this.#state === "shadow") {
      await (await loop.detachShadow())?.close();
      await this.#refuse([failed("operator", "the operator ended the trial")]);
      return { success: true, message: "the candidate's trial was ended; the live model was never replaced" };
    }
    const to = await models.previous();
    if (!to) return refused("no model acted before this one");
    if (this.#warm && this.#warm.bundle.modelHash !== to.hash) await this.#cool();
    const previous = this.#warm ?? (await load(models.folderOf(to.name)));
    this.#warm = undefined;
    await loop.attachShadow(previous);
    await loop.exchange();
    this.#warm = await loop.detachShadow();
    await models.rollBack("operator", "asked for", wallClock(clock));
    this.#enter("steady", Number.POSITIVE_INFINITY);
    return { success: true, message: `${to.name} acts again` };
  }

  /** The newest candidate in the ledger that passed its gates against the live model and has not been tried, or why none. */
  async #adoptable(): Promise<ModelRef | string> {
    const { loop, models } = this.#options;
    const own = loop.live.bundle.modelHash;
    const live = await models.live();
    if (live?.hash !== own) return `this node runs ${own}, but ${live?.name ?? "no model"} is live in ${models.path}`;
    const { events } = await models.ledger();
    const newest = events.findLast(({ event }) => event === "judged");
    if (newest?.event !== "judged" || !newest.passed) return "the newest candidate has not passed the gates";
    const { model } = newest;
    if (model.hash === own) return `${model.name} acts already`;
    const last = events.findLast((event) => event.model.hash === model.hash);
    if (last !== newest) return `${model.name} was tried before: ${last?.event}`;
    if (newest.live !== null && newest.live.hash !== own) return `${model.name} was judged against another live model`;
    return model;
  }

  async #refuse(verdicts: readonly Verdict[]): Promise<void> {
    const wrong = verdicts.find(({ passed }) => passed === false)!;
    this.#options.log.warn(`${this.#candidate!.name} was refused: ${wrong.gate}, ${wrong.note}.`);
    await this.#recordShadow(false, verdicts);
    this.#enter("steady", Number.POSITIVE_INFINITY);
  }

  async #recordShadow(passed: boolean, verdicts: readonly Verdict[]): Promise<void> {
    const { models, clock } = this.#options;
    const live = await models.live();
    const event: LedgerEvent = {
      event: "shadowed",
      at: wallClock(clock),
      model: this.#candidate!,
      live: live ? refOf(live) : { name: "", hash: this.#options.loop.live.bundle.modelHash },
      passed,
      verdicts: [...verdicts],
    };
    await models.record(event);
  }

  async #cool(): Promise<void> {
    await this.#warm?.close();
    this.#warm = undefined;
  }

  #enter(state: SwapState, seconds: number): void {
    this.#state = state;
    this.#phaseEndNs = this.#options.clock.monotonicNs() + seconds * 1e9;
    const other = state === "steady" ? undefined : this.#candidate?.name;
    this.#options.onState(state, this.#options.loop.live.bundle.modelHash, other);
  }

  #isFree(): boolean {
    return this.#state === "steady" && this.#pending === 0 && !this.#closed;
  }

  #isOver(): boolean {
    return this.#options.clock.monotonicNs() >= this.#phaseEndNs;
  }

  /** A transition that fails, e.g. because the disk does not take the ledger, leaves the model that acts in place. */
  #queue(transition: () => Promise<void>): Promise<void> {
    this.#pending++;
    this.#work = this.#work.then(async () => {
      try {
        await transition();
      } catch (thrown) {
        this.#options.log.error(`A model swap could not go on: ${messageOf(thrown)}`);
        await (await this.#options.loop.detachShadow())?.close();
        this.#enter("steady", Number.POSITIVE_INFINITY);
      } finally {
        this.#pending--;
      }
    });
    return this.#work;
  }
}

function refused(reason: string): TriggerResponse {
  return { success: false, message: `refused: ${reason}` };
}

function failed(gate: string, note: string): Verdict {
  return { gate, passed: false, figure: null, limit: null, unit: "", note };
}
