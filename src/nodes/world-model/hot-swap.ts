import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Logger, TriggerResponse } from "../../core/node.ts";
import type { Verdict } from "../../learning/gates/gate.ts";
import type { ModelRef } from "../../learning/models/ledger.ts";
import type { ModelsFolder } from "../../learning/models/models-folder.ts";
import type { ActingModel } from "./acting-model.ts";
import type { PolicyObserver } from "./policy-loop.ts";
import { SwapLedger } from "./swap-ledger.ts";
import type { SwapParameters } from "./swap-parameters.ts";
import { TransitionQueue } from "./transition-queue.ts";
import { TrialFigures } from "./trial-figures.ts";

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
  /** Of the control node, whose ticks are counted. */
  readonly commandRateHz: number;
  load(folder: string): Promise<ActingModel>;
  /** Called at every change. */
  onState(state: SwapState, live: string, other: string | undefined): void;
}

/**
 * Lets a candidate take the live model's place while the robot works: load, shadow run, switch between two policy steps,
 * watch, and back again when it turns out worse.
 *
 * `tick` drives it; every step is in the ledger before it takes effect, but for a rollback, which comes first.
 */
export class HotSwap {
  readonly #options: HotSwapOptions;
  readonly #ledger: SwapLedger;
  /** Of the phase that the swap is in: what the node hears is told to it. */
  readonly figures: TrialFigures;
  /** A transition that fails, e.g. because the disk does not take the ledger, leaves the model that acts in place. */
  readonly #transitions = new TransitionQueue(async (thrown) => {
    this.#options.log.error(`A model swap could not go on: ${messageOf(thrown)}`);
    await (await this.#options.loop.detachShadow())?.close();
    this.#enter("steady", Number.POSITIVE_INFINITY);
  });
  #state: SwapState = "steady";
  #phaseEndNs = Number.POSITIVE_INFINITY;
  #candidate: ModelRef | undefined;
  /** The model before the live one, loaded and ready. */
  #warm: ActingModel | undefined;
  #closed = false;

  constructor(options: HotSwapOptions) {
    this.#options = options;
    this.#ledger = new SwapLedger(options.models, options.clock);
    this.figures = new TrialFigures(options.surpriseWarn, options.parameters, options.commandRateHz);
    options.loop.watch(this.figures);
  }

  get state(): SwapState {
    return this.#state;
  }

  /** Begins with the newest candidate that passed its gates against the live model. */
  async promote(): Promise<TriggerResponse> {
    if (!this.#isFree()) return refused("a candidate is on trial");
    const found = await this.#ledger.adoptable(this.#options.loop.live.bundle.modelHash, true);
    if (typeof found === "string") return refused(found);
    if (!this.#isFree()) return refused("a candidate is on trial"); // since we looked
    void this.#transitions.run(() => this.#begin(found));
    return { success: true, message: `${found.name} runs beside the live model first: follow ~/model_state` };
  }

  /** Ends a trial, or makes the model before the live one act again. */
  async rollBack(): Promise<TriggerResponse> {
    if (this.#closed) return refused("the node stops");
    let answer: TriggerResponse = refused("the node stops");
    await this.#transitions.run(async () => {
      answer = await this.#rollBackByHand();
    });
    return answer;
  }

  /** Looks whether a phase is over or has gone wrong. Call it a few times a second. */
  tick(): void {
    if (!this.#transitions.isIdle || this.#closed) return;
    if (this.#state === "shadow" && this.#isOver()) void this.#transitions.run(() => this.#endShadow());
    if (this.#state !== "watching") return;
    const verdicts = this.figures.judgeWatch();
    const breach = verdicts.find(({ passed }) => passed === false);
    if (breach)
      void this.#transitions.run(() => this.#abandonSwitch("node", `${breach.gate}: ${breach.note}`, verdicts));
    else if (this.figures.followedSeconds >= this.#options.parameters.watchSeconds)
      void this.#transitions.run(() => this.#keep(verdicts));
  }

  /** As `promote`, for a node that adopts candidates by itself; says nothing when there is none. */
  async adopt(): Promise<void> {
    if (!this.#isFree()) return;
    const found = await this.#ledger.adoptable(this.#options.loop.live.bundle.modelHash, false);
    if (typeof found !== "string" && this.#isFree()) await this.#transitions.run(() => this.#begin(found));
  }

  /** Waits for the transition that is under way. */
  settled(): Promise<void> {
    return this.#transitions.settled();
  }

  /** Waits for what is under way and unloads what does not act. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#transitions.settled();
    await (await this.#options.loop.detachShadow())?.close();
    await this.#warm?.close();
    this.#warm = undefined;
  }

  async #begin(candidate: ModelRef): Promise<void> {
    const { loop, load } = this.#options;
    this.#candidate = candidate;
    this.#enter("loading", Number.POSITIVE_INFINITY);
    await this.#cool();
    let model: ActingModel;
    try {
      model = await load(this.#ledger.folderOf(candidate));
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
    this.figures.beginShadow();
    this.#enter("shadow", this.#options.parameters.shadowSeconds);
  }

  async #endShadow(): Promise<void> {
    const { loop, parameters } = this.#options;
    const verdicts = this.figures.judgeShadow();
    if (verdicts.some(({ passed }) => passed === false)) {
      await (await loop.detachShadow())?.close();
      return this.#refuse(verdicts);
    }
    await this.#recordShadow(true, verdicts);
    await this.#ledger.promote(this.#candidate!);
    await loop.exchange();
    this.figures.beginWatch();
    this.#enter("watching", Number.POSITIVE_INFINITY); // a robot that stands still proves nothing
    this.#options.log.info(
      `${this.#candidate!.name} acts now and is watched until the robot has followed it for ${parameters.watchSeconds} s.`,
    );
  }

  /** The watch is over: the old model rests, loaded. */
  async #keep(verdicts: readonly Verdict[]): Promise<void> {
    this.#warm = await this.#options.loop.detachShadow();
    await this.#ledger.recordKept(this.#candidate!, verdicts);
    this.#enter("steady", Number.POSITIVE_INFINITY);
  }

  /** Back to the old model, first of all; the record comes after. */
  async #abandonSwitch(by: "operator" | "node", reason: string, verdicts: readonly Verdict[]): Promise<void> {
    const { loop, log } = this.#options;
    await loop.exchange();
    this.figures.goBack();
    const rejected = await loop.detachShadow();
    log.warn(`${this.#candidate!.name} was rolled back: ${reason}.`);
    try {
      await this.#ledger.rollBack(by, reason, verdicts);
    } finally {
      await rejected?.close();
    }
    this.#enter("steady", Number.POSITIVE_INFINITY);
  }

  async #rollBackByHand(): Promise<TriggerResponse> {
    const { loop, load } = this.#options;
    if (this.#state === "watching") {
      await this.#abandonSwitch("operator", "asked for", this.figures.judgeWatch());
      return { success: true, message: "the model before the candidate acts again" };
    }
    if (this.#state === "shadow") {
      await (await loop.detachShadow())?.close();
      await this.#refuse([failed("operator", "the operator ended the trial")]);
      return { success: true, message: "the candidate's trial was ended; the live model was never replaced" };
    }
    const to = await this.#ledger.previous();
    if (!to) return refused("no model acted before this one");
    if (this.#warm && this.#warm.bundle.modelHash !== to.hash) await this.#cool();
    const previous = this.#warm ?? (await load(this.#ledger.folderOf(to)));
    this.#warm = undefined;
    await loop.attachShadow(previous);
    await loop.exchange();
    this.figures.goBack();
    this.#warm = await loop.detachShadow();
    await this.#ledger.rollBack("operator", "asked for");
    this.#enter("steady", Number.POSITIVE_INFINITY);
    return { success: true, message: `${to.name} acts again` };
  }

  async #refuse(verdicts: readonly Verdict[]): Promise<void> {
    const wrong = verdicts.find(({ passed }) => passed === false)!;
    this.#options.log.warn(`${this.#candidate!.name} was refused: ${wrong.gate}, ${wrong.note}.`);
    await this.#recordShadow(false, verdicts);
    this.#enter("steady", Number.POSITIVE_INFINITY);
  }

  #recordShadow(passed: boolean, verdicts: readonly Verdict[]): Promise<void> {
    return this.#ledger.recordShadow(this.#candidate!, this.#options.loop.live.bundle.modelHash, passed, verdicts);
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
    return this.#state === "steady" && this.#transitions.isIdle && !this.#closed;
  }

  #isOver(): boolean {
    return this.#options.clock.monotonicNs() >= this.#phaseEndNs;
  }
}

function refused(reason: string): TriggerResponse {
  return { success: false, message: `refused: ${reason}` };
}

function failed(gate: string, note: string): Verdict {
  return { gate, passed: false, figure: null, limit: null, unit: "", note };
}
