import { loadScoredEpisodes } from "../learning/episodes/replay-episodes.ts";
import { learningSystem, requireSize } from "../learning/index.ts";
import { spacesOfWorld } from "../learning/run/training-manifest.ts";
import { runTraining, type TrainingRunOptions, type TrainingRunResult } from "../learning/run/training-run.ts";
import type { TrainingWorld } from "../learning/world/training-world.ts";
import { openTrainingWorld } from "./training-world.ts";

export interface TrainOnTaskOptions extends Omit<TrainingRunOptions, "openWorld" | "system" | "recorded"> {
  /** Name of a learning system. */
  readonly algorithm: string;
  readonly task: string;
  /** Recordings of the task to learn from, instead of collecting any. */
  readonly replay?: string;
}

/**
 * A training run on a simulated task, seen through the image path that the robot's cameras take.
 * @throws ERR_UNKNOWN_ALGORITHM, ERR_UNKNOWN_SIZE, ERR_UNKNOWN_RECIPE, ERR_SIM_TASK, and those of `runTraining`
 * @throws ERR_REPLAY_MISMATCH, ERR_REPLAY_EMPTY, ERR_REPLAY_UNSCORED if it cannot learn from the recordings
 */
export async function trainOnTask({
  task,
  algorithm,
  replay,
  ...options
}: TrainOnTaskOptions): Promise<TrainingRunResult> {
  const system = learningSystem(algorithm);
  requireSize(system, options.size);
  const eyes = system.eyes(task, options);
  const openWorld = () => openTrainingWorld(task, eyes);
  const recorded = replay === undefined ? undefined : await readRecordings(replay, openWorld);
  return runTraining({ ...options, system, openWorld, ...(recorded && { recorded }) });
}

async function readRecordings(source: string, openWorld: () => Promise<TrainingWorld>) {
  const world = await openWorld();
  try {
    const evaluation = [{ task: world.task }];
    return { source, episodes: await loadScoredEpisodes(source, { ...spacesOfWorld(world), evaluation }) };
  } finally {
    world.close();
  }
}

export interface TrainFromScratchOptions
  extends Pick<TrainOnTaskOptions, "task" | "clock" | "folder" | "watcher" | "signal"> {
  /** For collecting and training; the evaluations come on top, about a tenth. */
  readonly budgetSeconds: number;
  readonly seed?: number;
}

const ALGORITHM = "keypoint";

/**
 * Collects data, trains a model within a time budget on two cores and exports it to `<folder>/bundle`: what
 * `latentloop demo --from-scratch` drives the robot with.
 */
export function trainFromScratch({
  budgetSeconds,
  seed = 1,
  ...options
}: TrainFromScratchOptions): Promise<TrainingRunResult> {
  const { task, folder } = options;
  return trainOnTask({
    ...options,
    algorithm: ALGORITHM,
    seed,
    seconds: budgetSeconds,
    session: { threads: 2 },
    evaluationEpisodes: 20,
    bundle: {
      folder: `${folder}/bundle`,
      name: `${task}-${ALGORITHM}`,
      command: `latentloop train --algo ${ALGORITHM} --task ${task} --seconds ${budgetSeconds} --seed ${seed} --threads 2`,
    },
  });
}
