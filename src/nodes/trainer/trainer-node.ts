import { availableParallelism, freemem, loadavg } from "node:os";
import { LatentloopError } from "../../core/errors.ts";
import {
  DEFAULT_QOS,
  type Diagnosis,
  LATCHED_QOS,
  type LifecycleNode,
  type NodeContext,
  type Publisher,
  type TriggerResponse,
} from "../../core/node.ts";
import { makeHeader, type RosMessages, type TrainingProgress } from "../../messages/index.ts";
import { workerNode } from "../worker-node.ts";
import type { CampaignStatus } from "./progress-report.ts";
import { goFirst } from "./stand-back.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";
import { TrainingWorker } from "./training-worker.ts";
import { YieldRule } from "./yield-rule.ts";

/** Never faster, however much happens: a flood of its own making reaches nobody. */
const PUBLISH_PERIOD_MS = 1000;
const WATCH_PERIOD_MS = 250;
/** How long it waits before it begins again after its thread was lost: doubled each time, up to the longest. */
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 600_000;

/**
 * Trains the live model further on what is recorded while the robot works, and hands candidates to the gates. Nothing waits for
 * it: it yields processor, disk and memory, and rests while the control loop is late.
 *
 * Subscribes `control/tick`; publishes `~/progress` (latched). Serves `~/pause`, `~/resume` and `~/train_now`.
 */
export function createTrainer(context: NodeContext<RosMessages>, parameters: TrainerParameters): LifecycleNode {
  return workerNode(() => {
    for (const refusal of goFirst()) context.log.info(`The trainer stands back as far as it may: ${refusal}.`);
    return new TrainerNode(context, parameters);
  });
}

class TrainerNode {
  readonly #context: NodeContext<RosMessages>;
  readonly #parameters: TrainerParameters;
  readonly #rule: YieldRule;
  readonly #progress: Publisher<TrainingProgress>;
  #worker: TrainingWorker | undefined;
  #status: CampaignStatus | undefined;
  #paused = false;
  #failure: LatentloopError | undefined;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | undefined;
  #said = "";

  constructor(context: NodeContext<RosMessages>, parameters: TrainerParameters) {
    const { commandRateHz, minFreeMegabytes, maxLoadPerCore } = parameters;
    this.#context = context;
    this.#parameters = parameters;
    this.#rule = new YieldRule({ commandRateHz, minFreeBytes: minFreeMegabytes * 1e6, maxLoadPerCore });
    this.#progress = context.publisher("~/progress", "latentloop_msgs/msg/TrainingProgress", LATCHED_QOS);
    if (parameters.yieldToLoop) {
      context.subscribe(
        "control/tick",
        "latentloop_msgs/msg/Tick",
        (tick) => this.#rule.onTick(tick, context.clock.monotonicNs()),
        { ...DEFAULT_QOS, depth: 100 },
      );
    }
    context.serve("~/pause", () => this.#pause(true));
    context.serve("~/resume", () => this.#pause(false));
    context.serve("~/train_now", () => this.#trainNow());
    context.every(WATCH_PERIOD_MS, () => this.#watch());
    context.every(PUBLISH_PERIOD_MS, () => this.#publish());
    context.diagnose("trainer", () => this.#diagnosis());
  }

  begin(): void {
    if (this.#worker) return;
    const { log } = this.#context;
    clearTimeout(this.#retry);
    this.#failure = undefined;
    this.#worker = new TrainingWorker({
      parameters: this.#parameters,
      log,
      onStatus: (status) => {
        this.#status = status;
        if (status.state === "training") this.#retryMs = FIRST_RETRY_MS;
        if (this.#state() !== this.#said) this.#publish();
      },
      onLost: (error) => this.#onLost(error),
    });
    this.#watch();
  }

  async end(): Promise<void> {
    clearTimeout(this.#retry);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.stop();
  }

  #onLost(error: LatentloopError): void {
    this.#worker = undefined;
    this.#failure = error;
    this.#context.log.error(`${error.message} It begins again in ${this.#retryMs / 1000} s.`, { code: error.code });
    this.#retry = setTimeout(() => this.begin(), this.#retryMs);
    this.#retryMs = Math.min(LONGEST_RETRY_MS, 2 * this.#retryMs);
    this.#publish();
  }

  #pause(paused: boolean): TriggerResponse {
    this.#paused = paused;
    this.#watch();
    this.#publish();
    return { success: true, message: paused ? "it rests after the present slice" : "it goes on" };
  }

  #trainNow(): TriggerResponse {
    if (this.#failure) this.begin();
    if (!this.#worker) return { success: false, message: "refused: the trainer is not active" };
    this.#worker.trainNow();
    return { success: true, message: "a run begins as soon as there are episodes for it: follow ~/progress" };
  }

  /** Whether it may work: asked four times a second, and a slice of work takes about half a second. */
  #watch(): void {
    const nowNs = this.#context.clock.monotonicNs();
    this.#rule.onMachine({ freeBytes: freemem(), loadPerCore: (loadavg()[0] ?? 0) / availableParallelism() }, nowNs);
    this.#worker?.rest(this.#paused || this.#rule.reason(nowNs) !== undefined);
    if (process.memoryUsage.rss() > this.#parameters.processMegabytes * 1e6) void this.#shrink();
  }

  /** More memory than it may have: the run goes on from its checkpoint in a new thread. */
  async #shrink(): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    this.#worker = undefined;
    await worker.stop();
    const most = this.#parameters.processMegabytes;
    this.#onLost(new LatentloopError("ERR_TRAINER", `The trainer's process took more than ${most} MB.`));
  }

  #state(): string {
    if (this.#failure) return "failed";
    if (this.#paused) return "paused";
    if (this.#rule.reason(this.#context.clock.monotonicNs()) !== undefined) return "yielding";
    return this.#status?.state ?? "waiting";
  }

  #reason(): string {
    const { clock } = this.#context;
    return this.#failure?.message ?? this.#rule.reason(clock.monotonicNs()) ?? this.#status?.reason ?? "";
  }

  #publish(): void {
    const status = this.#status;
    const { clock } = this.#context;
    this.#said = this.#state();
    const figures = Object.entries(status?.figures ?? {});
    this.#progress.publish({
      header: makeHeader(clock.rosNs()),
      state: this.#said,
      reason: this.#reason(),
      live: status?.live ?? "",
      run: status?.run ?? 0,
      progress: status?.progress ?? 0,
      updates: status?.updates ?? 0,
      updates_per_second: status?.updatesPerSecond ?? 0,
      figure_names: figures.map(([name]) => name),
      figures: figures.map(([, value]) => value),
      episodes: status?.episodes ?? 0,
      episodes_fresh: status?.episodesFresh ?? 0,
      episodes_held_out: status?.episodesHeldOut ?? 0,
      data_age: this.#dataAge(),
      proposed: status ? Object.values(status.fates).reduce((sum, count) => sum + count, 0) : 0,
      refused: status?.fates.refused ?? 0,
      kept: status?.fates.kept ?? 0,
      rolled_back: status?.fates["rolled-back"] ?? 0,
      candidate: status?.candidate ?? "",
      fate: status?.fate ?? "",
      curve_updates: status?.curve.map(([updates]) => updates) ?? [],
      curve: status?.curve.map(([, loss]) => loss) ?? [],
    });
  }

  /** Seconds since the newest episode ended; NaN where there is none. A simulation may have run ahead of the clock. */
  #dataAge(): number {
    const newest = this.#status?.newestStampNs ?? 0n;
    return newest === 0n ? Number.NaN : Math.max(0, Number(this.#context.clock.rosNs() - newest) / 1e9);
  }

  #diagnosis(): Diagnosis {
    const status = this.#status;
    const state = this.#state();
    const reason = this.#reason();
    return {
      level: state === "failed" ? "error" : "ok",
      message: reason === "" ? state : `${state}: ${reason}`,
      values: {
        run: status?.run ?? 0,
        progress: (status?.progress ?? 0).toFixed(3),
        updates: status?.updates ?? 0,
        updates_per_second: (status?.updatesPerSecond ?? 0).toFixed(1),
        episodes: status?.episodes ?? 0,
        data_age_s: this.#dataAge().toFixed(0),
        rests: this.#rule.count,
        memory_megabytes: (process.memoryUsage.rss() / 1e6).toFixed(0),
        candidate: status?.candidate ?? "",
        fate: status?.fate ?? "",
        ...status?.fates,
      },
    };
  }
}
