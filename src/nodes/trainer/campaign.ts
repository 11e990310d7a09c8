import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";
import { type Bundle, readBundle } from "../../inference/read-bundle.ts";
import { isEpisodeArchive, readEpisodeArchive } from "../../learning/episodes/episode-archive.ts";
import type { EpisodeStore } from "../../learning/episodes/episode-store.ts";
import { ReplayReader } from "../../learning/episodes/replay-reader.ts";
import { exportCandidate, provenanceOf } from "../../learning/fine-tune/export-candidate.ts";
import type { FineTuner } from "../../learning/fine-tune/fine-tuner.ts";
import { openFineTuner } from "../../learning/fine-tune/open-fine-tuner.ts";
import { failure } from "../../learning/gates/gate.ts";
import type { ModelsFolder } from "../../learning/models/models-folder.ts";
import { wallClock } from "../../learning/models/propose.ts";
import { loadCheckpoint, saveCheckpoint } from "../../learning/optimization/checkpoint.ts";
import { episodesToWaitFor, type Fate, fateOf, rejectedInARow } from "./fates.ts";
import { type CampaignStatus, ProgressReport } from "./progress-report.ts";
import { chooseEpisodes, type EpisodeRef, frameBytesOf, readEpisodes } from "./recorded-episodes.ts";
import type { TrainerParameters } from "./trainer-parameters.ts";
import { checkpointOf, type OpenRun, readTrainerState, type TrainerState, writeTrainerState } from "./trainer-state.ts";

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

interface Run {
  readonly number: number;
  readonly bundle: Bundle;
  readonly tuner: FineTuner;
  readonly fresh: EpisodeStore;
  readonly old: EpisodeStore | undefined;
  readonly heldOut: EpisodeStore | undefined;
  readonly description: OpenRun;
  savedNs: number;
}

/** The recordings as one live model sees them. */
interface Readers {
  readonly modelHash: string;
  readonly replay: ReplayReader;
  readonly old: ReplayReader | undefined;
  readonly frameBytes: number;
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
  #state: TrainerState = { version: 1, runs: 0, episodes: 0, open: null, candidates: [] };
  #run: Run | undefined;
  #readers: Readers | undefined;
  #wanted = false;
  /** What went wrong with the last run, as the end of a sentence. */
  #failure = "";

  constructor(options: CampaignOptions) {
    this.#options = options;
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
      await this.#closeReaders();
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
    const replay = await this.#openReaders(live.folder).catch((thrown) => notYet(thrown));
    if (typeof replay === "string") return replay;
    const { episodes } = replay.index;
    const fates = await this.#countFates();
    const newest = episodes.at(-1)?.table.stampsNs.at(-1);
    this.#report.update({
      live: live.hash ?? "",
      episodes: episodes.length,
      ...(newest !== undefined && { newestStampNs: newest }),
    });
    if (this.#state.open) return undefined; // a crash came in between
    if (fates.at(-1) === "trial") return "its last candidate is on trial";
    const wanted = episodesToWaitFor(parameters.newEpisodes, rejectedInARow(fates));
    const missing = wanted - (episodes.length - this.#state.episodes);
    if (episodes.length < parameters.heldOutEvery) return "a run needs an episode to be judged by";
    if (this.#wanted || missing <= 0) return undefined;
    return `${missing} more episode${missing > 1 ? "s" : ""} for a run${this.#failure}`;
  }

  async #begin(): Promise<void> {
    const { models, parameters } = this.#options;
    this.#failure = "";
    this.#report.update({ state: "loading", reason: "" });
    const live = await models.live();
    const bundle = await readBundle(live!.folder);
    let description = this.#state.open;
    if (description && description.live.hash !== bundle.modelHash) {
      this.#options.ports.log.info(`Run ${this.#state.runs} is given up: another model is live now.`);
      description = null;
    }
    const resumes = description !== null;
    if (!description) {
      description = this.#describe({ name: live!.name, hash: bundle.modelHash });
      const episodes = this.#readers!.replay.index.episodes.length;
      this.#state = { ...this.#state, runs: this.#state.runs + 1, episodes, open: description };
      this.#wanted = false;
      await writeTrainerState(parameters.folder, this.#state);
    }
    this.#run = await this.#open(bundle, description, resumes);
    const { fresh, heldOut, number } = this.#run;
    this.#report.begin(number, fresh.episodes.length, heldOut?.episodes.length ?? 0);
    this.#options.ports.log.info(
      `Run ${number} ${resumes ? "goes on" : "begins"} with ${fresh.episodes.length} new episodes.`,
    );
  }

  #describe(live: OpenRun["live"]): OpenRun {
    const { parameters } = this.#options;
    const { replay, old, frameBytes } = this.#readers!;
    const maxFrames = Math.floor((parameters.episodesMegabytes * 1e6) / frameBytes / (old ? 2 : 1));
    const all = { heldOutEvery: Number.POSITIVE_INFINITY, maxFrames };
    return {
      live,
      seed: parameters.seed + this.#state.runs,
      ...mutable(chooseEpisodes(replay.index.episodes, { ...parameters, maxFrames })),
      old: old ? [...chooseEpisodes(old.index.episodes, all).fresh] : [],
    };
  }

  /** The tuner of a run: from its checkpoint where there is one that fits, else from its beginning. */
  async #open(bundle: Bundle, description: OpenRun, resumes: boolean): Promise<Run> {
    const { parameters, clock, ports } = this.#options;
    const { replay, old } = this.#readers!;
    const number = this.#state.runs;
    const storeOf = async (reader: ReplayReader | undefined, refs: readonly EpisodeRef[]) =>
      reader && refs.length > 0 ? readEpisodes(reader, bundle.manifest, refs) : undefined;
    const fresh = await readEpisodes(replay, bundle.manifest, description.fresh);
    const isArchive = isEpisodeArchive(parameters.old);
    const oldStore = isArchive
      ? await readEpisodeArchive(parameters.old, bundle.manifest)
      : await storeOf(old, description.old);
    const heldOut = await storeOf(replay, description.heldOut);
    const options = {
      bundle,
      fresh,
      ...(oldStore && { old: oldStore }),
      ...(heldOut && { heldOut }),
      settings: parameters.fineTuning,
      seed: description.seed,
      clock,
      session: { threads: parameters.threads },
    };
    const path = checkpointOf(parameters.folder, number);
    const resume = resumes ? await loadCheckpoint(path).catch(() => undefined) : undefined;
    const goOn = async () => {
      const tuner = await openFineTuner({ ...options, ...(resume && { resume }) });
      if (resume) tuner.noteSaved(path);
      return tuner;
    };
    const tuner = await goOn().catch((thrown) => {
      if (!resume || !(thrown instanceof LatentloopError)) throw thrown;
      ports.log.warn(`Run ${number} begins anew: ${thrown.message}`);
      return openFineTuner(options);
    });
    return { number, bundle, tuner, fresh, old: oldStore, heldOut, description, savedNs: clock.monotonicNs() };
  }

  async #work(run: Run): Promise<void> {
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

  async #finish(run: Run): Promise<void> {
    const { parameters, ports, models } = this.#options;
    await this.#save();
    this.#report.update({ state: "exporting", reason: "" });
    const folder = join(parameters.folder, "candidates", `run-${run.number}`);
    await this.#export(run, folder);
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

  /** @throws ERR_BUNDLE_WRITE if the disk does not take it; the ledger then says so, and nothing is left */
  async #export({ number, tuner, bundle, fresh, old, heldOut, description }: Run, folder: string): Promise<void> {
    const { parameters, models, clock } = this.#options;
    try {
      await rm(folder, { recursive: true, force: true });
      await mkdir(join(parameters.folder, "candidates"), { recursive: true });
      await exportCandidate(folder, {
        tuner,
        parent: bundle,
        recorded: heldOut ? [fresh, heldOut] : [fresh],
        data: [provenanceOf(parameters.replay, fresh), ...(old ? [provenanceOf(parameters.old, old)] : [])],
        command: `trainer on ${parameters.replay}`,
        seed: description.seed,
        session: { threads: parameters.threads },
      });
    } catch (cause) {
      const name = `run ${number}`;
      const verdicts = [{ gate: "export", ...failure(messageOf(cause)) }];
      const at = wallClock(clock);
      await models.record({
        event: "judged",
        at,
        model: { name, hash: null },
        live: description.live,
        passed: false,
        verdicts,
      });
      if (cause instanceof LatentloopError) throw cause;
      throw new LatentloopError(
        "ERR_BUNDLE_WRITE",
        `The candidate of ${name} could not be written: ${messageOf(cause)}.`,
        {
          remedy: "Free disk space: the live model is untouched, and the next run tries again.",
          cause,
        },
      );
    }
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

  /** The replay with what has come since, and the old data, read as the live model sees them. */
  async #openReaders(live: string): Promise<ReplayReader> {
    const { parameters } = this.#options;
    const { manifest, modelHash } = await readBundle(live);
    if (this.#readers?.modelHash === modelHash) {
      await this.#readers.replay.index.refresh();
      return this.#readers.replay;
    }
    await this.#closeReaders();
    const replay = await ReplayReader.open(parameters.replay, manifest);
    const isBags = parameters.old !== "" && !isEpisodeArchive(parameters.old);
    const old = isBags ? await ReplayReader.open(parameters.old, manifest) : undefined;
    this.#readers = { modelHash, replay, old, frameBytes: frameBytesOf(manifest) };
    return replay;
  }

  async #closeReaders(): Promise<void> {
    await this.#readers?.replay.close();
    await this.#readers?.old?.close();
    this.#readers = undefined;
  }
}

/** A replay that is not there yet, or not whole, is waited for. */
function notYet(thrown: unknown): string {
  if (thrown instanceof LatentloopError) return thrown.message;
  throw thrown;
}

function mutable({ fresh, heldOut }: ReturnType<typeof chooseEpisodes>) {
  return { fresh: [...fresh], heldOut: [...heldOut] };
}
