import type { EpisodeStore } from "../episode-store.ts";
import type { OptimizerState, Weights } from "../step-runner.ts";
import type { KeypointPhase } from "./steps.ts";

/** Where a run stands, besides its tensors and episodes. */
export interface KeypointPosition {
  readonly turn: number;
  /** Episodes or updates of this turn. */
  readonly done: number;
  readonly updates: number;
  readonly elapsedS: number;
  /** Elapsed time when this turn began. */
  readonly turnBeganS: number;
  readonly collectingS: number;
}

/** What a run has made so far. */
export interface KeypointState {
  position: KeypointPosition;
  weights: Weights;
  optimizers: Partial<Record<KeypointPhase, OptimizerState>>;
  readonly store: EpisodeStore;
}
