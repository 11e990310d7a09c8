import type { ActionSpace } from "./action.ts";
import type { ObservationSpace } from "./observation.ts";

/**
 * One simulated task in fast mode: as many steps a second as the machine gives, for training and evaluation.
 *
 * A step is one control step of the task (action repeat belongs to the agent). The same seed gives the same bytes.
 */
export interface Environment {
  readonly task: string;
  readonly observationSpace: ObservationSpace;
  readonly actionSpace: ActionSpace;
  readonly controlRateHz: number;
  /** Steps until an episode is cut (`isLast` without `isTerminal`). */
  readonly episodeSteps: number;
  reset(seed: number): void;
  /** Applies one normalised action [A] for one control period. */
  step(action: Float32Array): StepResult;
  /** Writes the camera's image, height × width × 3 rgb. */
  renderInto(camera: string, out: Uint8Array): void;
  /** Writes the proprioception [P]. */
  proprioceptionInto(out: Float32Array): void;
  close(): void;
}

export interface StepResult {
  readonly reward: number;
  readonly isTerminal: boolean;
  readonly isLast: boolean;
  /** The task's own criterion, e.g. the distance is within the tolerance now. */
  readonly success: boolean;
}
