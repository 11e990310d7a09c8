import type { Clock } from "../../core/clock.ts";
import type { FineTuneReport } from "../../learning/fine-tune/fine-tuner.ts";
import type { Fate } from "./fates.ts";

/** What the trainer says of itself. */
export interface CampaignStatus {
  readonly state: "waiting" | "loading" | "training" | "exporting" | "judging";
  readonly reason: string;
  readonly live: string;
  readonly run: number;
  readonly progress: number;
  readonly updates: number;
  readonly updatesPerSecond: number;
  readonly figures: Readonly<Record<string, number>>;
  readonly episodes: number;
  readonly episodesFresh: number;
  readonly episodesHeldOut: number;
  /** End of the newest episode, ROS clock; 0 where there is none. */
  readonly newestStampNs: bigint;
  /** So many candidates had each fate. */
  readonly fates: Readonly<Record<Fate, number>>;
  readonly candidate: string;
  readonly fate: Fate | "";
  /** Updates and the first of the losses then. */
  readonly curve: readonly (readonly [number, number])[];
}

/** Points of a curve: beyond, every second one is left out. */
const MOST_POINTS = 64;
/** At most so often, but for a change of the state. */
const PERIOD_NS = 250e6;

const NO_FATES: Readonly<Record<Fate, number>> = { refused: 0, passed: 0, trial: 0, kept: 0, "rolled-back": 0 };

/** Gathers the status and passes it on when it changed, a few times a second at most. */
export class ProgressReport {
  readonly #clock: Clock;
  readonly #send: (status: CampaignStatus) => void;
  #sentNs = Number.NEGATIVE_INFINITY;
  /** Updates at the last slice; a run that goes on after a crash begins with many. */
  #counted = Number.NaN;
  #status: CampaignStatus = {
    state: "waiting",
    reason: "",
    live: "",
    run: 0,
    progress: 0,
    updates: 0,
    updatesPerSecond: 0,
    figures: {},
    episodes: 0,
    episodesFresh: 0,
    episodesHeldOut: 0,
    newestStampNs: 0n,
    fates: NO_FATES,
    candidate: "",
    fate: "",
    curve: [],
  };

  constructor(clock: Clock, send: (status: CampaignStatus) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  update(change: Partial<CampaignStatus>): void {
    const { state } = this.#status;
    this.#status = { ...this.#status, ...change };
    const nowNs = this.#clock.monotonicNs();
    if (state === this.#status.state && nowNs - this.#sentNs < PERIOD_NS) return;
    this.#sentNs = nowNs;
    this.#send(this.#status);
  }

  begin(run: number, episodesFresh: number, episodesHeldOut: number): void {
    this.#counted = Number.NaN;
    const nothing = { progress: 0, updates: 0, updatesPerSecond: 0, figures: {}, curve: [] };
    this.update({ state: "training", reason: "", run, episodesFresh, episodesHeldOut, ...nothing });
  }

  /** A slice of a run and the time that it took. */
  slice({ phase, progress, updates, figures }: FineTuneReport, seconds: number): void {
    const made = updates - this.#counted;
    this.#counted = updates;
    const points = [...this.#status.curve, [updates, Object.values(figures)[0] ?? Number.NaN] as const];
    const curve = points.length > MOST_POINTS ? points.filter((_, i) => i % 2 === 1) : points;
    const updatesPerSecond = made > 0 ? made / seconds : this.#status.updatesPerSecond;
    this.update({ state: "training", reason: phase, progress, updates, updatesPerSecond, figures, curve });
  }

  fates(all: readonly Fate[], candidate: string): void {
    const fates = { ...NO_FATES };
    for (const fate of all) fates[fate]++;
    this.update({ fates, candidate, fate: all.at(-1) ?? "" });
  }
}
