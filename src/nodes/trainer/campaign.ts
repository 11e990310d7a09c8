import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { isHeldOut } from "../../learning/episodes/recorded-episodes.ts";
import { isScored } from "../../learning/episodes/scored-episodes.ts";
import type { ModelsFolder } from "../../learning/models/models-folder.ts";
import { saveCheckpoint } from "../../learning/optimization/checkpoint.ts";
import type { EpisodeRef } from "./chosen-episodes.ts";
import { exportRun } from "./export-run.ts";
import { episodesToWaitFor, type Fate, fateOf, rejectedInARow } from "./fates.ts";
import { type CampaignStatus, ProgressReport } from "./progress-report.ts";
import { Recordings } from "./recordings.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";
import { checkpointOf, readTrainerState, type TrainerState, writeTrainerState } from "./trainer-state.ts";
import { describeRun, openTrainingRun, type TrainingRun } from "./training-run.ts";

/** A candidate on its way to the gates. */
export interface Submission {
  readonly folder: string;
  readonly heldOut: readonly EpisodeRef[];
}

/** What the gates said. */
export interface Outcome {
  readonly passed: boolean;
  /** Of the bundle that was judged; null if it could not be read. */
  readonly hash: string | null;
  /** In the models folder, if it passed. */
  readonly name: string | undefined;
  /** The gates that it failed. */
  readonly reason: string;
}

export interface CampaignPorts {
  /** Settles when there may be work: false once it is to end. */
  ready(): Promise<boolean>;
  /** Waits so long, or until somebody asks for a run. */
  wait(ms: number): Promise<void>;
  /** Whether a run was asked for since the last time. */
  takeRequest(): boolean;
  /** @throws ERR_INTERRUPTED if the trainer was stopped meanwhile */
  judge(submission: Submission): Promise<Outcome>;
  report(status: CampaignStatus): void;
  readonly log: Logger;
}

export interface CampaignOptions {
  readonly parameters: TrainerParameters;
  readonly models: ModelsFolder;
  readonly clock: Clock;
  readonly ports: CampaignPorts;
}

/**
 * Follows a replay and, whenever enough has come, trains the live model further, exports a candidate and hands it to the gates.
 *
 * A run is on the disk before it begins and every `checkpointSeconds`; after a crash it goes on there, with the same episodes
 * and batches. A run that goes wrong counts like a refused candidate: the next one waits for more data.
 */
export class Campaign {
  readonly #options: CampaignOptions;
  readonly #report: ProgressReport;
  readonly #recordings: Recordings;
  #state: TrainerState = { version: 1, runs: 0, episodes: 0, open: null, candidates: [] };
  #run: TrainingRun | undefined;
  #wanted = false;
  /** What went wrong with the last run, as the end of a sentence. */
  #failure = "";

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#recordings = new Recordings(options.parameters);
    this.#report = new ProgressReport(options.clock, (status) => options.ports.report(status));
  }

  /** Works until it is told to end. @throws ERR_TRAINER if the folder's state cannot be read */
  async run(): Promise<void> {
    const { ports, parameters } = this.#options;
    this.#state = await readTrainerState(parameters.folder);
    try {
      while (await ports.ready()) await this.#turn();
      await this.#save();
    } finally {
      await this.#run?.tuner.close();
      await this.#recordings.close();
    }
  }

  async #turn(): Promise<void> {
    try {
      if (this.#run) await this.#work(this.#run);
      else await this.#look();
    } catch (thrown) {
      if (!(thrown instanceof LatentloopError)) throw thrown;
      if (thrown.code !== "ERR_INTERRUPTED") await this.#setBack(thrown); // else it goes on there after the next start
    }
  }

  /** Looks for new episodes and begins a run when it is time for one. */
  async #look(): Promise<void> {
    const { ports, parameters } = this.#options;
    const why = await this.#whyWait();
    if (why === undefined) return this.#begin();
    this.#report.update({ state: "waiting", reason: why });
    await ports.wait(parameters.followSeconds * 1000);
  }

  /** What a run waits for; undefined if it need not wait. */
  async #whyWait(): Promise<string | undefined> {
    const { models, parameters, ports } = this.#options;
    this.#wanted ||= ports.takeRequest();
    const live = await models.live();
    if (!live) return `no model is live in ${models.path}`;
    const replay = await this.#recordings.follow(live.folder).catch((thrown) => notYet(thrown));
    if (typeof replay === "string") return replay;
    const recorded = replay.index.episodes;
    const episodes = recorded.filter(isScored);
    const fates = await this.#countFates();
    const newest = recorded.at(-1)?.table.stampsNs.at(-1);
    this.#report.update({
      live: live.hash ?? "",
      episodes: recorded.length,
      ...(newest !== undefined && { newestStampNs: newest }),
    });
    if (this.#state.open) return undefined; // a crash came in between
    if (fates.at(-1) === "trial") return "its last candidate is on trial";
    const wanted = episodesToWaitFor(parameters.newEpisodes, rejectedInARow(fates));
    const missing = wanted - (episodes.length - this.#state.episodes);
    if (recorded.length > 0 && episodes.length === 0)
      return "nobody scores the recorded steps: there is no reward to learn from";
    const judging = episodes.filter((episode) => isHeldOut(episode, parameters.heldOutEvery));
    if (judging.length === 0) return "a run needs an episode to be judged by";
    if (judging.length === episodes.length) return "a run needs an episode to learn from";
    if (this.#wanted || missing <= 0) return undefined;
    return `${missing} more episode${missing > 1 ? "s" : ""} for a run${this.#failure}`;
  }

  async #begin(): Promise<void> {
    const { models, parameters, clock, ports } = this.#options;
    const readers = this.#recordings.readers!;
    this.#failure = "";
    this.#report.update({ state: "loading", reason: "" });
    const live = await models.live();
    const bundle = await readBundle(live!.folder);
    let description = this.#state.open;
    if (description && description.live.hash !== bundle.modelHash) {
      ports.log.info(`Run ${this.#state.runs} is given up: another model is live now.`);
      description = null;
    }
    const resumes = description !== null;
    if (!description) {
      description = describeRun(readers, parameters, { name: live!.name, hash: bundle.modelHash }, this.#state.runs);
      const episodes = readers.replay.index.episodes.filter(isScored).length;
      this.#state = { ...this.#state, runs: this.#state.runs + 1, episodes, open: description };
      this.#wanted = false;
      await writeTrainerState(parameters.folder, this.#state);
    }
    const number = this.#state.runs;
    const { log } = ports;
    this.#run = await openTrainingRun({ readers, bundle, number, description, resumes, parameters, clock, log });
    const { fresh, heldOut } = this.#run;
    this.#report.begin(number, fresh.episodes.length, heldOut?.episodes.length ?? 0);
    log.info(`Run ${number} ${resumes ? "goes on" : "begins"} with ${fresh.episodes.length} new episodes.`);
  }

  async #work(run: TrainingRun): Promise<void> {
    if (run.tuner.finished) return this.#finish(run);
    const { clock, parameters } = this.#options;
    const beganNs = clock.monotonicNs();
    const report = await run.tuner.advance();
    this.#report.slice(report, (clock.monotonicNs() - beganNs) / 1e9);
    if (clock.monotonicNs() - run.savedNs > parameters.checkpointSeconds * 1e9) await this.#save();
  }

  /** Puts the run on the disk. A disk that does not take it is no reason to end: only more is lost by a crash. */
  async #save(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    const { parameters, clock, ports } = this.#options;
    run.savedNs = clock.monotonicNs();
    try {
      const path = checkpointOf(parameters.folder, run.number);
      await saveCheckpoint(path, await run.tuner.snapshot());
      run.tuner.noteSaved(path);
    } catch (thrown) {
      ports.log.warn(messageOf(thrown));
    }
  }

  async #finish(run: TrainingRun): Promise<void> {
    const { parameters, ports, models } = this.#options;
    await this.#save();
    this.#report.update({ state: "exporting", reason: "" });
    const folder = join(parameters.folder, "candidates", `run-${run.number}`);
    await exportRun(run, folder, this.#options);
    const { modelHash } = await readBundle(folder);
    const { events } = await models.ledger();
    if (events.some(({ model }) => model.hash === modelHash)) {
      ports.log.info(`Run ${run.number} came to a bundle that was proposed before.`);
      await this.#close({ name: `run ${run.number}`, hash: modelHash });
    } else {
      this.#report.update({ state: "judging" });
      const { passed, name, hash, reason } = await ports.judge({ folder, heldOut: run.description.heldOut });
      if (passed) ports.log.info(`Run ${run.number} came to ${name}, which passed the gates.`);
      else {
        this.#failure = `; the last candidate was refused: ${reason}`;
        ports.log.warn(`The candidate of run ${run.number} was refused: ${reason}.`);
      }
      await this.#close({ name: name ?? `run ${run.number}`, hash });
    }
    await rm(folder, { recursive: true, force: true });
  }

  /** What went wrong ends the run; the next one waits for more data. */
  async #setBack(error: LatentloopError): Promise<void> {
    const { ports, parameters } = this.#options;
    ports.log.warn(`Run ${this.#state.runs} failed: ${error.message}`, { code: error.code });
    this.#failure = `; the last one failed: ${error.message}`;
    this.#report.update({ state: "waiting", reason: error.message });
    if (this.#state.open) await this.#close({ name: `run ${this.#state.runs}`, hash: null });
    await ports.wait(parameters.followSeconds * 1000);
  }

  async #close(candidate: TrainerState["candidates"][number]): Promise<void> {
    const { folder } = this.#options.parameters;
    const run = this.#run;
    this.#run = undefined;
    await run?.tuner.close();
    this.#wanted = false;
    this.#state = { ...this.#state, open: null, candidates: [...this.#state.candidates, candidate] };
    await writeTrainerState(folder, this.#state).catch((thrown) => this.#options.ports.log.warn(messageOf(thrown)));
    await rm(checkpointOf(folder, this.#state.runs), { force: true });
    await this.#countFates();
  }

  async #countFates(): Promise<Fate[]> {
    const { models, clock } = this.#options;
    const { events } = await models.ledger();
    const nowMs = Number(clock.rosNs() / 1_000_000n);
    const { candidates } = this.#state;
    const fates = candidates.map(({ hash }) => fateOf(hash, events, nowMs));
    this.#report.fates(fates, candidates.at(-1)?.name ?? "");
    return fates;
  }
}

/** A replay that is not there yet, or not whole, is waited for. */
function notYet(thrown: unknown): string {
  if (thrown instanceof LatentloopError) return thrown.message;
  throw thrown;
}
