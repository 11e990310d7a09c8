import { z } from "zod";
import { makeTensor, type Tensor } from "../../core/tensor.ts";
import { EpisodeLog, logEpisodes, replayEpisodes, requireSameEpisodes } from "../episodes/episode-log.ts";
import type { LearnerOptions } from "../learner.ts";
import type { Checkpoint } from "../optimization/checkpoint.ts";
import { otherRun, requireSameRecipe } from "../optimization/other-run.ts";
import { Position } from "../optimization/timetable.ts";
import type { KeypointRecipe } from "./recipe.ts";
import type { KeypointProgress, KeypointState } from "./state.ts";
import type { KeypointPhase } from "./steps.ts";

const Extra = z.strictObject({
  system: z.literal("keypoint"),
  task: z.string(),
  recipe: z.string(),
  position: Position,
  episodes: EpisodeLog,
});

const PHASES = ["representation", "dynamics", "decoder"] as const satisfies readonly KeypointPhase[];
const ACTIONS = "episodes/actions";

/**
 * A run as tensors and progress.
 *
 * Episodes are kept as starts and actions alone: the simulator gives the same images again.
 */
export function snapshotRun(state: KeypointState, task: string, seed: number, recipe: KeypointRecipe): Checkpoint {
  const { position, store } = state;
  const tensors = stateTensors(state);
  const { episodes, actions } = logEpisodes(store);
  tensors.set(ACTIONS, actions);
  const extra: z.infer<typeof Extra> = {
    system: "keypoint",
    task,
    recipe: JSON.stringify(recipe),
    position,
    episodes,
  };
  return { tensors, progress: { step: position.updates, seed, extra } };
}

/**
 * Puts a fresh state where the checkpoint stood, playing its episodes again; recorded ones must be those of then.
 * @throws ERR_CHECKPOINT_MISMATCH if the checkpoint belongs to another system, task, recipe or seed
 */
export async function restoreRun(
  { tensors, progress }: Checkpoint,
  { world, seed, recorded }: LearnerOptions,
  recipe: KeypointRecipe,
  state: KeypointState,
): Promise<void> {
  const parsed = Extra.safeParse(progress.extra);
  if (!parsed.success) throw otherRun("a run of the keypoint system", "another one");
  const { task, position, episodes } = parsed.data;
  if (task !== world.task) throw otherRun(`a run on ${world.task}`, `one on ${task}`);
  if (progress.seed !== seed) throw otherRun(`a run with seed ${seed}`, `one with seed ${progress.seed}`);
  requireSameRecipe(recipe, parsed.data.recipe);

  state.position = position;
  restoreTensors(tensors, state);
  const actions = tensors.get(ACTIONS)!;
  if (!recorded) return replayEpisodes(world, episodes, actions, state.store);
  requireSameEpisodes(recorded, episodes, actions);
}

/** Weights and optimisers as tensors. */
export function stateTensors({ weights, optimizers }: KeypointProgress): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, data] of weights) tensors.set(`weights/${name}`, makeTensor("float32", [data.length], data));
  for (const phase of PHASES) {
    for (const [name, data] of optimizers[phase] ?? []) {
      tensors.set(`optimizers/${phase}/${name}`, makeTensor("float32", [data.length], data));
    }
  }
  return tensors;
}

export function restoreTensors(tensors: ReadonlyMap<string, Tensor>, state: KeypointProgress): void {
  state.weights = valuesBelow(tensors, "weights/");
  for (const phase of PHASES) {
    const kept = valuesBelow(tensors, `optimizers/${phase}/`);
    if (kept.size > 0) state.optimizers[phase] = kept;
  }
}

/** Values of the tensors whose names begin so, by the rest of the name. */
function valuesBelow(tensors: ReadonlyMap<string, Tensor>, prefix: string): Map<string, Float32Array> {
  const found = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, { data }]) => [name.slice(prefix.length), data as Float32Array]));
}
