import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Manifest } from "../../config/manifest.ts";
import type { Clock } from "../../core/clock.ts";
import { readBundle } from "../../inference/read-bundle.ts";
import { RecordedEpisodes } from "../episodes/recorded-episodes.ts";
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from "../optimization/checkpoint.ts";
import { otherRun } from "../optimization/other-run.ts";
import type { SessionOptions } from "../optimization/session.ts";
import { CurveFile, stopwatch } from "../run/curve.ts";
import { CHECKPOINT_FILE, CURVE_FILE, refuseExisting, trainingStopped } from "../run/training-run.ts";
import { exportCandidate, provenanceOf } from "./export-candidate.ts";
import type { FineTuneReport } from "./fine-tuner.ts";
import { loadOldEpisodes } from "./old-episodes.ts";
import { openFineTuner } from "./open-fine-tuner.ts";
import type { FineTuneSettings } from "./settings.ts";

export interface FineTuningRunOptions {
  /** Folder of the bundle to begin with. */
  readonly from: string;
  /** Recordings to learn from. */
  readonly replay: string;
  /** Episodes of the old world: an archive, or recordings. */
  readonly old?: string;
  readonly settings: FineTuneSettings;
  readonly seed: number;
  readonly clock: Clock;
  readonly session?: SessionOptions;
  /** Checkpoint and curve are kept here. */
  readonly folder: string;
  /** Goes on from the folder's checkpoint, with the recordings that it had then. */
  readonly resume?: boolean;
  readonly bundle: { readonly folder: string; readonly command: string };
  readonly onReport?: (report: FineTuneReport) => void;
  /** Ends the run after the current slice, with a checkpoint. */
  readonly signal?: AbortSignal;
}

export interface FineTuningRunResult {
  readonly manifest: Manifest;
  readonly episodes: { readonly trained: number; readonly heldOut: number; readonly old: number };
}

const CHECKPOINT_EVERY_S = 30;
/** How many recorded episodes a run began with, beside the tuner's own progress. */
const RunExtra = z.strictObject({ taken: z.int(), tuner: z.record(z.string(), z.json()) });

/** @throws ERR_CHECKPOINT_MISMATCH if it is no fine-tuning run's */
function readExtra({ progress }: Checkpoint): z.infer<typeof RunExtra> {
  const { data, success } = RunExtra.safeParse(progress.extra);
  if (!success) throw otherRun("a fine-tuning run", "another one");
  return data;
}

/**
 * Fine-tunes a bundle on recordings, with checkpoints and a curve, and exports the candidate.
 *
 * @throws ERR_BUNDLE_EXISTS before any work if the candidate's folder is taken; ERR_TRAINING_STOPPED if the signal ended it
 * @throws those of `RecordedEpisodes`, `loadOldEpisodes` and `openFineTuner`
 */
export async function runFineTuning(options: FineTuningRunOptions): Promise<FineTuningRunResult> {
  const { replay, folder, bundle: target, clock, seed, settings, session, signal } = options;
  await refuseExisting(target.folder);
  await mkdir(folder, { recursive: true });
  const path = join(folder, CHECKPOINT_FILE);
  const curve = new CurveFile(join(folder, CURVE_FILE));
  const saved = options.resume ? await loadCheckpoint(path) : undefined;
  const kept = saved && readExtra(saved);

  const bundle = await readBundle(options.from);
  const recorded = await RecordedEpisodes.open(replay, bundle.manifest);
  try {
    await recorded.refresh(kept?.taken);
    const { training: fresh, heldOut } = recorded;
    recorded.requireSome();
    const old = options.old === undefined ? undefined : await loadOldEpisodes(options.old, bundle.manifest);
    const tuner = await openFineTuner({
      bundle,
      fresh,
      heldOut,
      settings,
      seed,
      clock,
      ...(old && { old }),
      ...(session && { session }),
      ...(saved && kept && { resume: { ...saved, progress: { ...saved.progress, extra: kept.tuner } } }),
    });
    const save = async () => {
      const { tensors, progress } = await tuner.snapshot();
      await saveCheckpoint(path, {
        tensors,
        progress: { ...progress, extra: { taken: recorded.taken, tuner: progress.extra } },
      });
      tuner.noteSaved(path);
    };
    try {
      if (saved) tuner.noteSaved(path);
      const before = saved && (await curve.rewind(saved.progress.step, fresh.steps));
      if (!saved) await curve.clear();
      const spent = stopwatch(clock, before);
      let savedNs = clock.monotonicNs();
      while (!tuner.finished) {
        if (signal?.aborted) {
          await save();
          throw trainingStopped(path);
        }
        const report = await tuner.advance();
        options.onReport?.(report);
        const { phase, updates, figures } = report;
        await curve.append({ phase, ...spent(), environmentSteps: fresh.steps, updates, figures });
        if (clock.monotonicNs() - savedNs < CHECKPOINT_EVERY_S * 1e9) continue;
        await save();
        savedNs = clock.monotonicNs();
      }
      const { manifest } = await exportCandidate(target.folder, {
        tuner,
        parent: bundle,
        recorded: { trained: fresh, heldOut },
        data: [provenanceOf(replay, fresh), ...(old ? [provenanceOf(options.old!, old)] : [])],
        command: target.command,
        seed,
        ...(session && { session }),
      });
      const counts = [fresh, heldOut, old].map((store) => store?.episodes.length ?? 0);
      return { manifest, episodes: { trained: counts[0]!, heldOut: counts[1]!, old: counts[2]! } };
    } finally {
      await tuner.close();
    }
  } finally {
    await recorded.close();
  }
}
