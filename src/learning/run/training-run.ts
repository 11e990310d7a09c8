import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "../../config/manifest.ts";
import { pathExists } from "../../config/path-exists.ts";
import type { Clock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import { exportBundle } from "../bundle/export-bundle.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { Imagination } from "../imagination.ts";
import type { Learner, LearnerReport, LearningSystem, SystemChoice } from "../learner.ts";
import { saveCheckpoint } from "../optimization/checkpoint.ts";
import type { SessionOptions } from "../optimization/session.ts";
import type { Weights } from "../optimization/step-runner.ts";
import type { TrainingWorld } from "../world/training-world.ts";
import { CurveFile, type CurvePoint, stopwatch } from "./curve.ts";
import type { Evaluation } from "./evaluate.ts";
import { type BestWeights, loadRun, runCheckpoint } from "./run-checkpoint.ts";
import { trainingManifest } from "./training-manifest.ts";
import { type JudgingOptions, judgeChoice, judgeFinally, judgeRound, type TrainingScores } from "./training-scores.ts";

export interface TrainingRunOptions extends SystemChoice {
  readonly system: LearningSystem;
  /** Opens the task: once to train in, once to evaluate in. */
  readonly openWorld: () => Promise<TrainingWorld>;
  readonly seed: number;
  readonly clock: Clock;
  /** Environment steps in all, instead of the recipe's. */
  readonly steps?: number;
  /** Time for collecting and training together, instead of a number of updates. */
  readonly seconds?: number;
  readonly session?: SessionOptions;
  /** Checkpoint and curve are kept here. */
  readonly folder: string;
  /** Goes on from the folder's checkpoint. */
  readonly resume?: boolean;
  /** Recorded episodes to learn from, instead of collecting any, and where they lie. */
  readonly recorded?: { readonly source: string; readonly episodes: EpisodeStore };
  readonly bundle: { readonly folder: string; readonly name: string; readonly command: string };
  /** Episodes of the last evaluation; those in between take fewer. */
  readonly evaluationEpisodes: number;
  readonly watcher?: TrainingWatcher;
  /** Ends the run after the current slice, with a checkpoint where one is possible. */
  readonly signal?: AbortSignal;
}

/** What a run tells those who watch it. */
export interface TrainingWatcher {
  onReport?(report: LearnerReport & { readonly elapsedS: number }): void;
  /** So many episodes of an evaluation have been played. */
  onEpisode?(done: number, episodes: number): void;
  /** After every round: how well the model acts, and what it imagines. */
  onRound?(round: { readonly evaluation: Evaluation; readonly imagination: Imagination | undefined }): void;
  /** The best round was played against the last one. */
  onChoice?(choice: WeightsChoice): void;
}

/** Which weights are exported, and what both came to on the same episodes. */
export interface WeightsChoice {
  readonly kept: "best" | "last";
  /** Environment steps that the best round came after. */
  readonly bestSteps: number;
  readonly bestReturn: number;
  readonly lastReturn: number;
}

export interface TrainingRunResult {
  readonly bundle: string;
  readonly manifest: Manifest;
  readonly scores: TrainingScores;
}

export const CHECKPOINT_FILE = "checkpoint.safetensors";
export const CURVE_FILE = "curve.jsonl";
/** In the curve: one episode of the last evaluation, by the weights that are kept. */
export const FINAL_PHASE = "final";
const CHECKPOINT_EVERY_S = 60;

/**
 * Trains a learning system on a task from nothing to a bundle: collects, learns, evaluates after every round, keeps the better
 * of the best round's weights and the last, writes checkpoint and curve, exports.
 *
 * @throws ERR_BUNDLE_EXISTS before any work if the bundle's folder is taken
 * @throws ERR_TRAINING_STOPPED if the signal ended it; the checkpoint can be resumed
 */
export async function runTraining(options: TrainingRunOptions): Promise<TrainingRunResult> {
  const { system, openWorld, folder, bundle, clock, session, watcher, signal } = options;
  await refuseExisting(bundle.folder);
  await mkdir(folder, { recursive: true });
  const checkpointPath = join(folder, CHECKPOINT_FILE);
  const curve = new CurveFile(join(folder, CURVE_FILE));

  const world = await openWorld();
  const judge = await openWorld();
  const resumed = options.resume ? await loadRun(checkpointPath) : undefined;
  const { resume: _, recorded, ...open } = options;
  const learner = await system.open({
    ...open,
    world,
    ...(resumed && { resume: resumed.learner }),
    ...(recorded && { recorded: recorded.episodes }),
  });
  try {
    const before = resumed && (await curve.rewind(resumed.learner.progress.step, learner.collected.steps));
    if (resumed) learner.noteSaved?.(checkpointPath);
    else await curve.clear();
    const judging: JudgingOptions = {
      ...(session && { session }),
      ...(signal && { signal }),
      onEpisode: (done, episodes) => watcher?.onEpisode?.(done, episodes),
    };
    const spent = stopwatch(clock, before);
    let place = { environmentSteps: learner.collected.steps, updates: resumed?.learner.progress.step ?? 0 };
    const note = (phase: string, figures: CurvePoint["figures"]) =>
      curve.append({ phase, ...spent(), ...place, figures });
    let best: BestWeights | undefined = resumed?.best;
    let savedNs = clock.monotonicNs();
    const save = async () => {
      await saveCheckpoint(checkpointPath, runCheckpoint(await learner.snapshot(), best));
      learner.noteSaved?.(checkpointPath);
    };

    while (!learner.finished) {
      if (signal?.aborted) {
        if (learner.resumable) await save();
        throw await stopped(checkpointPath);
      }
      const report = await learner.advance();
      const { environmentSteps, updates } = report;
      place = { environmentSteps, updates };
      watcher?.onReport?.({ ...report, elapsedS: spent().elapsedS });
      if (Object.keys(report.figures).length > 0) await note(report.phase, report.figures);
      if (report.milestone) {
        const weights = await learner.weights();
        const { evaluation, imagination } = await judgeRound(learner, weights, judge, judging);
        const { meanReturn, successRate } = evaluation;
        if (!best || meanReturn > best.place.meanReturn) best = { place: { ...place, meanReturn }, weights };
        await note("evaluate", { meanReturn, successRate });
        watcher?.onRound?.({ evaluation, imagination });
      }
      const due = report.milestone || clock.monotonicNs() - savedNs > CHECKPOINT_EVERY_S * 1e9;
      if (due && learner.resumable) {
        await save();
        savedNs = clock.monotonicNs();
      }
    }
    const last = await learner.weights();
    const rival = best && best.place.updates < place.updates ? best : undefined;
    const choice = rival && (await chooseWeights(learner, rival, last, judge, judging));
    if (choice) watcher?.onChoice?.(choice);
    const weights = choice?.kept === "best" ? rival!.weights : last;
    const { scores, surprise } = await judgeFinally(learner, weights, judge, options.evaluationEpisodes, judging);
    const { manifest } = await exportBundle(bundle.folder, {
      graphs: learner.graphs,
      parameters: weights,
      manifest: trainingManifest(options, world, learner, scores, surprise),
    });
    for (const episodeReturn of scores.ideal.returns) await note(FINAL_PHASE, { return: episodeReturn });
    return { bundle: bundle.folder, manifest, scores };
  } catch (thrown) {
    if (thrown !== signal?.reason) throw thrown;
    throw await stopped(checkpointPath); // an evaluation was cut off: it is made again, from the checkpoint before it
  } finally {
    await learner.close();
    world.close();
    judge.close();
  }
}

/** Plays the best round's weights against the last ones: what was the best on few episodes may have been lucky. */
async function chooseWeights(
  learner: Learner,
  { weights, place }: BestWeights,
  last: Weights,
  judge: TrainingWorld,
  judging: JudgingOptions,
): Promise<WeightsChoice> {
  const { meanReturn: bestReturn } = await judgeChoice(learner, weights, judge, judging);
  const { meanReturn: lastReturn } = await judgeChoice(learner, last, judge, judging);
  const kept = lastReturn > bestReturn ? "last" : "best";
  return { kept, bestSteps: place.environmentSteps, bestReturn, lastReturn };
}

/** @throws ERR_BUNDLE_EXISTS if there is anything at the place of a new bundle */
export async function refuseExisting(folder: string): Promise<void> {
  if (!(await pathExists(folder))) return;
  throw new LatentloopError("ERR_BUNDLE_EXISTS", `Expected a new folder for the bundle but ${folder} exists.`, {
    remedy: "Choose another folder, or remove the old bundle first.",
  });
}

/** A run may be stopped before its first checkpoint. */
async function stopped(checkpoint: string): Promise<LatentloopError> {
  if (await pathExists(checkpoint)) return trainingStopped(checkpoint);
  return new LatentloopError("ERR_TRAINING_STOPPED", "The training was stopped before its first checkpoint.", {
    remedy: "Begin anew with the same command.",
  });
}

export function trainingStopped(checkpoint: string): LatentloopError {
  return new LatentloopError("ERR_TRAINING_STOPPED", "The training was stopped before its end.", {
    remedy: `Go on from ${checkpoint} by the same command with --resume.`,
  });
}
