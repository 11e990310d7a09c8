import type { Environment } from "../../core/environment.ts";
import type { ProprioceptionFeature } from "../../core/proprioception.ts";
import type { Rng } from "../../core/rng.ts";

/** An environment as learning sees it: its images have come through the image path and have the model's size. */
export interface TrainingWorld extends Environment {
  /** How each element of the proprioception is made: what a manifest stores. */
  readonly proprioceptionFeatures: readonly ProprioceptionFeature[];
  /** Control steps of the task that one step here holds its action for; 1 where it is not said. */
  readonly actionRepeat?: number;
  /** Action dimensions in use, task by task, of a world of several tasks: the proprioception's last numbers say which one is played. */
  readonly actionSizes?: readonly number[];
  /** Reward per metre from the goal, where the reward is that distance alone: errors of rewards then read as lengths. */
  readonly rewardPerM?: number;
  /** Actions that explore without a model. The returned function writes the next one [A]. */
  randomPolicy(rng: Rng): (out: Float32Array) => void;
  /** A new goal; the robot stays where it is. For tasks that have one to move. */
  retarget?(rng: Rng): void;
  /** A hand from outside pushes an object. For tasks that have one. */
  pushObject?(rng: Rng): void;
}

/** How an episode starts: a random pose, or a new goal for the robot where the last episode left it. */
export interface EpisodeStart {
  readonly kind: "reset" | "retarget";
  readonly seed: number;
}
