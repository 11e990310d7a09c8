import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { OptimizerState, Weights } from "../optimization/step-runner.ts";
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

/** Where a run begins. */
export const BEGINNING: KeypointPosition = {
  turn: 0,
  done: 0,
  updates: 0,
  elapsedS: 0,
  turnBeganS: 0,
  collectingS: 0,
};

/** What a run has learned so far. */
export interface KeypointProgress {
  position: KeypointPosition;
  weights: Weights;
  optimizers: Partial<Record<KeypointPhase, OptimizerState>>;
}

/** What a run from nothing has made so far: with its own episodes. */
export interface KeypointState extends KeypointProgress {
  readonly store: EpisodeStore;
}
