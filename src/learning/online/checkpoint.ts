import { z } from "zod";
import type { Tensor } from "../../core/tensor.ts";
import { EpisodeLog, logEpisodes } from "../episodes/episode-log.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { Checkpoint } from "../optimization/checkpoint.ts";
import { otherRun, requireSameRecipe } from "../optimization/other-run.ts";

/** Where an online run stands, besides its tensors and episodes. */
export interface OnlinePosition {
  readonly elapsedS: number;
  /** Evaluations that were due so far. */
  readonly evaluations: number;
}

/** What tells one run from another: a checkpoint is only good for the run that made it. */
export interface RunIdentity {
  readonly system: string;
  readonly task: string;
  readonly seed: number;
  /** Everything that decides what is learned. */
  readonly recipe: object;
}

const Extra = z.strictObject({
  system: z.string(),
  task: z.string(),
  recipe: z.string(),
  elapsedS: z.number(),
  evaluations: z.int(),
  episodes: EpisodeLog,
});

const ACTIONS = "episodes/actions";

/** The trainer's checkpoint with the episodes, as starts and actions, and the position. */
export function snapshotOnline(
  trained: Checkpoint,
  store: EpisodeStore,
  position: OnlinePosition,
  { system, task, recipe }: RunIdentity,
): Checkpoint {
  const { episodes, actions } = logEpisodes(store);
  const extra: z.infer<typeof Extra> = { system, task, recipe: JSON.stringify(recipe), ...position, episodes };
  return { tensors: new Map([...trained.tensors, [ACTIONS, actions]]), progress: { ...trained.progress, extra } };
}

export interface OnlineSnapshot {
  readonly trained: Checkpoint;
  readonly position: OnlinePosition;
  readonly episodes: EpisodeLog;
  readonly actions: Tensor;
}

/** @throws ERR_CHECKPOINT_MISMATCH if the checkpoint belongs to another system, task, recipe or seed */
export function readOnline({ tensors, progress }: Checkpoint, identity: RunIdentity): OnlineSnapshot {
  const parsed = Extra.safeParse(progress.extra);
  const { system, task, seed, recipe } = identity;
  if (!parsed.success) throw otherRun(`a run of ${system}`, "one of another kind");
  const { elapsedS, evaluations, episodes, ...found } = parsed.data;
  if (found.system !== system) throw otherRun(`a run of ${system}`, `one of ${found.system}`);
  if (found.task !== task) throw otherRun(`a run on ${task}`, `one on ${found.task}`);
  if (progress.seed !== seed) throw otherRun(`a run with seed ${seed}`, `one with seed ${progress.seed}`);
  requireSameRecipe(recipe, found.recipe);
  const actions = tensors.get(ACTIONS);
  if (!actions) throw otherRun("a run with its episodes", "one without");
  const trained = new Map([...tensors].filter(([name]) => name !== ACTIONS));
  return {
    trained: { tensors: trained, progress: { ...progress, extra: {} } },
    position: { elapsedS, evaluations },
    episodes,
    actions,
  };
}
