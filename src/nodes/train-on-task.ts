import { learningSystem, requireSize } from "../learning/index.ts";
import { runTraining, type TrainingRunOptions, type TrainingRunResult } from "../learning/training-run.ts";
import { openTrainingWorld } from "./training-world.ts";

export interface TrainOnTaskOptions extends Omit<TrainingRunOptions, "openWorld" | "system"> {
  /** Name of a learning system. */
  readonly algorithm: string;
  readonly task: string;
}

/**
 * A training run on a simulated task, seen through the image path that the robot's cameras take.
 * @throws ERR_UNKNOWN_ALGORITHM, ERR_UNKNOWN_SIZE, ERR_UNKNOWN_RECIPE, ERR_SIM_TASK, and those of `runTraining`
 */
export async function trainOnTask({ task, algorithm, ...options }: TrainOnTaskOptions): Promise<TrainingRunResult> {
  const system = learningSystem(algorithm);
  requireSize(system, options.size);
  const eyes = system.eyes(task, options);
  return runTraining({ ...options, system, openWorld: () => openTrainingWorld(task, eyes) });
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
