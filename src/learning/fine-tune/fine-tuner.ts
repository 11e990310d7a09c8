import type { Clock } from "../../core/clock.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import type { BundleGraphDefinitions } from "../../world-models/bundle-graphs.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { LearnerReport } from "../learner.ts";
import type { Checkpoint } from "../optimization/checkpoint.ts";
import type { SessionOptions } from "../optimization/session.ts";
import type { Weights } from "../optimization/step-runner.ts";
import type { FineTuneSettings } from "./settings.ts";

export interface FineTuneOptions {
  /** The live model: where the run begins. */
  readonly bundle: Bundle;
  /** Recorded episodes of the world as it is now. They must not change while the run lasts. */
  readonly fresh: EpisodeStore;
  /** Episodes of the world that the model was trained in, so that it does not forget. */
  readonly old?: EpisodeStore;
  /** Recorded episodes that are not trained on: they tell how the run goes. */
  readonly heldOut?: EpisodeStore;
  readonly settings: FineTuneSettings;
  readonly seed: number;
  readonly clock: Clock;
  /** Goes on from here, with the same bundle, episodes, settings and seed. */
  readonly resume?: Checkpoint;
  readonly session?: SessionOptions;
}

export type FineTuneReport = Pick<LearnerReport, "phase" | "progress" | "updates" | "figures">;

/**
 * A live model at further training on recorded episodes, slice by slice. It needs no simulator.
 *
 * With a budget of updates the same options give the same weights, bit for bit, also across a resume.
 */
export interface FineTuner {
  readonly finished: boolean;
  /** For the candidate's manifest: the live model's own and the settings. */
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly latentSize: number;
  /** The candidate's graphs, to be filled with weights. */
  readonly graphs: BundleGraphDefinitions;
  /** A slice of work: about half a second of updates. @throws ERR_TRAINING_DIVERGED */
  advance(): Promise<FineTuneReport>;
  /** A copy of the weights as they are now. */
  weights(): Promise<Weights>;
  snapshot(): Promise<Checkpoint>;
  /** Tells it where its last snapshot lies, for the error that ends a diverging run. */
  noteSaved(path: string): void;
  close(): Promise<void>;
}
