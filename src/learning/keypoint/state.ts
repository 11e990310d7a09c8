import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { OptimizerState, Weights } from "../optimization/step-runner.ts";
import type { Position } from "../optimization/timetable.ts";
import type { KeypointPhase } from "./steps.ts";

/** What a run has learned so far. */
export interface KeypointProgress {
  position: Position;
  weights: Weights;
  optimizers: Partial<Record<KeypointPhase, OptimizerState>>;
}

/** What a run from nothing has made so far: with its own episodes. */
export interface KeypointState extends KeypointProgress {
  readonly store: EpisodeStore;
}
