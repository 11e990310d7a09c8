import { createHash } from "node:crypto";
import { z } from "zod";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { Progress } from "../optimization/checkpoint.ts";
import { otherRun } from "../optimization/other-run.ts";
import { BEGINNING, Position } from "../optimization/timetable.ts";
import type { FineTuneOptions } from "./fine-tuner.ts";

const Extra = z.strictObject({
  system: z.string(),
  parent: z.string(),
  settings: z.string(),
  episodes: z.string(),
  position: Position,
});

/** What a checkpoint must share with the run that goes on from it. */
function identityOf({ bundle, settings, fresh, old }: FineTuneOptions) {
  const parent = bundle.modelHash;
  return { parent, settings: JSON.stringify(settings), episodes: fingerprint(old ? [fresh, old] : [fresh]) };
}

/** Where a run stands, and which one it is. */
export function progressOf(system: string, options: FineTuneOptions, position: Position): Progress {
  const extra: z.infer<typeof Extra> = { system, ...identityOf(options), position };
  return { step: position.updates, seed: options.seed, extra };
}

/**
 * Where a run of these options begins, or goes on.
 * @throws ERR_CHECKPOINT_MISMATCH if `resume` is of another run
 */
export function positionOf(system: string, options: FineTuneOptions): Position {
  if (!options.resume) return BEGINNING;
  const { progress } = options.resume;
  const parsed = Extra.safeParse(progress.extra);
  if (!parsed.success) throw otherRun("a fine-tuning run", "another one");
  const found = parsed.data;
  const { parent, settings, episodes } = identityOf(options);
  if (found.system !== system) throw otherRun(`a run of ${system}`, `one of ${found.system}`);
  if (found.parent !== parent) throw otherRun(`a run from the bundle ${parent}`, `one from ${found.parent}`);
  if (progress.seed !== options.seed) throw otherRun(`a run with seed ${options.seed}`, `one with ${progress.seed}`);
  if (found.settings !== settings) throw otherRun(`a run with ${settings}`, `one with ${found.settings}`);
  if (found.episodes !== episodes) throw otherRun("a run on the same episodes", "one on others");
  return found.position;
}

/** A hash over everything in the stores but the images. */
function fingerprint(stores: readonly EpisodeStore[]): string {
  const hash = createHash("sha256");
  for (const store of stores) {
    const { proprioceptionSize, actionSize } = store.sizes;
    hash.update(store.rewards.subarray(0, store.frames));
    hash.update(store.actions.subarray(0, store.frames * actionSize));
    hash.update(store.proprioception.subarray(0, store.frames * proprioceptionSize));
  }
  return hash.digest("hex");
}
