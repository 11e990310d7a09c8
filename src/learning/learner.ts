import type { Clock } from "../core/clock.ts";
import type { BundleGraphDefinitions } from "../world-models/bundle-graphs.ts";
import type { EpisodeStore } from "./episodes/episode-store.ts";
import type { FineTuneOptions, FineTuner } from "./fine-tune/fine-tuner.ts";
import type { Checkpoint } from "./optimization/checkpoint.ts";
import type { SessionOptions } from "./optimization/session.ts";
import type { Weights } from "./optimization/step-runner.ts";
import type { TrainingWorld } from "./world/training-world.ts";

/** Where a run stands after a slice of work. */
export interface LearnerReport {
  /** What was done, e.g. "collect" or "dynamics". */
  readonly phase: string;
  /** Share of the whole run that is done, from 0 to 1. */
  readonly progress: number;
  readonly environmentSteps: number;
  readonly updates: number;
  /** Losses and what else is worth watching, by name. */
  readonly figures: Readonly<Record<string, number>>;
  /** A round ended: the model is worth an evaluation. */
  readonly milestone: boolean;
}

/** A learning system at work on one task: it collects its own data and improves its own weights, slice by slice. */
export interface Learner {
  readonly finished: boolean;
  /** Every value that it was made with, for the manifest. */
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly latentSize: number;
  /** The bundle's graphs, to be filled with weights. */
  readonly graphs: BundleGraphDefinitions;
  /** Episodes and steps collected so far. */
  readonly collected: { readonly episodes: number; readonly steps: number };
  /** A slice of work: an episode, or about a second of updates. */
  advance(): Promise<LearnerReport>;
  /** A copy of the weights as they are now. */
  weights(): Promise<Weights>;
  /** Whether `snapshot` would catch the run at a point from which it can go on exactly. */
  readonly resumable: boolean;
  snapshot(): Promise<Checkpoint>;
  /** Tells it where its last snapshot lies, for the error that ends a diverging run. */
  noteSaved?(path: string): void;
  close(): Promise<void>;
}

/** What a run senses of its task. */
export const OBSERVATION_KINDS = ["pixels", "state", "both"] as const;
export type ObservationKind = (typeof OBSERVATION_KINDS)[number];

/** What a person may choose about a system before it opens: the rest is the system's recipe for the task. */
export interface SystemChoice {
  /** A name among the system's `sizes`. */
  readonly size?: string;
  readonly observation?: ObservationKind;
}

/** How a system looks at a task and acts on it. */
export interface WorldView {
  readonly cameras: readonly string[];
  readonly width: number;
  readonly height: number;
  /** Whether the proprioception is sensed; by default it is. */
  readonly proprioception?: boolean;
  /** Control steps that one action is held for; by default one. */
  readonly actionRepeat?: number;
}

export interface LearnerOptions extends SystemChoice {
  readonly world: TrainingWorld;
  readonly seed: number;
  readonly clock: Clock;
  /** Environment steps in all; by default what the system's recipe for the task says. */
  readonly steps?: number;
  /** Ends the run after so long instead of after a number of updates: the result then depends on the machine's speed. */
  readonly seconds?: number;
  /** Goes on from here. */
  readonly resume?: Checkpoint;
  /** Recorded episodes to learn from, instead of collecting any. */
  readonly recorded?: EpisodeStore;
  readonly session?: SessionOptions;
}

/** One entry of the registry. */
export interface LearningSystem {
  /** As commands and manifests call it. */
  readonly name: string;
  readonly title: string;
  /** Names of its size presets, the default first; none for a system of one size. */
  readonly sizes?: readonly string[];
  /** @throws ERR_UNKNOWN_RECIPE if the system cannot watch this task so */
  eyes(task: string, choice?: SystemChoice): WorldView;
  /** @throws ERR_UNKNOWN_RECIPE, ERR_CHECKPOINT_MISMATCH if `resume` belongs to another run */
  open(options: LearnerOptions): Promise<Learner>;
  /**
   * Trains a bundle of this system further on recorded episodes; left out where the system cannot.
   * @throws ERR_NOT_TRAINABLE, ERR_REPLAY_EMPTY, ERR_CHECKPOINT_MISMATCH
   */
  fineTune?(options: FineTuneOptions): Promise<FineTuner>;
}
