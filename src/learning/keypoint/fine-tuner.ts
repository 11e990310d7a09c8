import { createHash } from "node:crypto";
import { z } from "zod";
import { LatentloopError } from "../../core/errors.ts";
import type { BundleGraphDefinitions } from "../../world-models/bundle-graphs.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import type { FineTuneOptions, FineTuneReport, FineTuner } from "../fine-tune/fine-tuner.ts";
import { Restraint } from "../fine-tune/restraint.ts";
import type { FineTuneSettings, ModelPart } from "../fine-tune/settings.ts";
import type { Checkpoint } from "../optimization/checkpoint.ts";
import type { Weights } from "../optimization/step-runner.ts";
import { type BatchSource, KeypointBatches, rewardedFrames } from "./batches.ts";
import { mismatch, Position, restoreTensors, stateTensors } from "./checkpoint.ts";
import { FrameEncoder } from "./frame-encoder.ts";
import { type KeypointBundle, readKeypointBundle } from "./from-bundle.ts";
import { keypointGraphs } from "./graphs.ts";
import { PhaseTrainer } from "./phase-trainer.ts";
import type { Turn } from "./recipe.ts";
import { BEGINNING, type KeypointProgress } from "./state.ts";
import { type KeypointPhase, keypointSteps } from "./steps.ts";
import { KeypointTimetable } from "./timetable.ts";

/** Updates where none are asked for: about two minutes of one core. */
const UPDATES = 12000;
/** How the updates are shared out, in the order they are made. */
const SHARES: Readonly<Record<KeypointPhase, number>> = { representation: 0.6, dynamics: 0.35, decoder: 0.05 };
/** Scopes of the networks' parameters. */
const PART_OF: Readonly<Record<string, ModelPart>> = {
  encoder: "encoder",
  dynamics: "dynamics",
  reward: "heads",
  decoder: "decoder",
};
/** What each kind of update is there for: it is left out where that is frozen. */
const PURPOSE: Readonly<Record<KeypointPhase, readonly ModelPart[]>> = {
  representation: ["encoder"],
  dynamics: ["dynamics", "heads"],
  decoder: ["decoder"],
};

const Extra = z.strictObject({
  system: z.literal("keypoint"),
  parent: z.string(),
  settings: z.string(),
  episodes: z.string(),
  position: Position,
});

/** Trains a keypoint bundle further: encoder and reward head, then dynamics, then decoder, on fresh and old episodes. */
class KeypointFineTuner implements FineTuner {
  readonly graphs: BundleGraphDefinitions;
  readonly latentSize: number;
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly #options: FineTuneOptions;
  readonly #turns: readonly Turn[];
  readonly #timetable: KeypointTimetable;
  readonly #trainer: PhaseTrainer;
  readonly #encoder: FrameEncoder;
  readonly #state: KeypointProgress;

  constructor(options: FineTuneOptions, begun: KeypointBundle, encoder: FrameEncoder, state: KeypointProgress) {
    const { settings, fresh, heldOut, seed, clock, session } = options;
    const { recipe, spaces } = begun;
    this.#options = options;
    this.#encoder = encoder;
    this.#state = state;
    this.#turns = turnsOf(settings);
    this.#timetable = new KeypointTimetable(this.#turns, settings.seconds);
    const { network: config, batch, horizon, learningRate } = recipe;
    const restraint = new Restraint({
      anchor: begun.weights,
      strength: settings.anchor,
      isFrozen: (parameter) => settings.freeze.includes(PART_OF[parameter.split("/")[0]!]!),
    });
    const seen = new KeypointBatches(mixOf(options, settings.oldShare), horizon);
    const moved = new KeypointBatches(mixOf(options, settings.oldDynamicsShare), horizon);
    this.#trainer = new PhaseTrainer({
      steps: (rate) => keypointSteps({ spaces, config, batch, horizon, learningRate: rate, restraint }),
      batches: { representation: seen, dynamics: moved, decoder: seen },
      encoder,
      timetable: this.#timetable,
      learningRate: settings.learningRate * learningRate,
      decoderBatch: batch.decoder,
      validation: { store: heldOut ?? fresh, frames: () => rewardedFrames(heldOut?.episodes ?? []) },
      seed,
      clock,
      ...(session && { session }),
    });
    this.graphs = keypointGraphs(spaces, recipe);
    this.latentSize = encoder.latentSize;
    this.hyperparameters = { ...recipe, fineTuning: settings };
  }

  get finished(): boolean {
    return this.#state.position.turn >= this.#turns.length;
  }

  async advance(): Promise<FineTuneReport> {
    const { clock } = this.#options;
    const turn = this.#turns[this.#state.position.turn]!.kind as KeypointPhase;
    const beganNs = clock.monotonicNs();
    const { done, figures } = await this.#trainer.train(turn, this.#state);
    const { position } = this.#state;
    this.#state.position = {
      ...position,
      done: position.done + done,
      updates: position.updates + done,
      elapsedS: position.elapsedS + (clock.monotonicNs() - beganNs) / 1e9,
    };
    if (this.#timetable.share(this.#state.position) >= 1) await this.#endTurn();
    const progress = this.#timetable.progress(this.#state.position);
    return { phase: turn, progress, updates: this.#state.position.updates, figures };
  }

  weights(): Promise<Weights> {
    return this.#trainer.weights(this.#state);
  }

  async snapshot(): Promise<Checkpoint> {
    await this.#trainer.keep(this.#state);
    const { position } = this.#state;
    const extra: z.infer<typeof Extra> = { system: "keypoint", ...identityOf(this.#options), position };
    return {
      tensors: stateTensors(this.#state),
      progress: { step: position.updates, seed: this.#options.seed, extra },
    };
  }

  async close(): Promise<void> {
    await this.#trainer.close();
    await this.#encoder.close();
  }

  async #endTurn(): Promise<void> {
    await this.#trainer.endTurn(this.#state);
    const { position } = this.#state;
    this.#state.position = { ...position, turn: position.turn + 1, done: 0, turnBeganS: position.elapsedS };
  }
}

/** The keypoint system's `fineTune`. */
export async function fineTuneKeypoint(options: FineTuneOptions): Promise<FineTuner> {
  const { bundle, fresh, resume, session } = options;
  const { recipe, spaces, weights } = readKeypointBundle(bundle);
  const usable = fresh.episodes.filter(({ frames }) => frames > recipe.horizon);
  if (usable.length === 0) {
    throw new LatentloopError(
      "ERR_REPLAY_EMPTY",
      `Expected recorded episodes of more than ${recipe.horizon} steps to learn from but there are none.`,
      { remedy: "Let the robot work on for a while, or name another replay." },
    );
  }
  if (turnsOf(options.settings).length === 0) {
    throw new LatentloopError(
      "ERR_INVALID_ARGUMENT",
      `Expected a part of the model to train but ${options.settings.freeze.join(", ")} are frozen.`,
    );
  }
  const state: KeypointProgress = { position: BEGINNING, weights, optimizers: {} };
  if (resume) restore(resume, options, state);
  const encoder = await FrameEncoder.open(spaces, recipe.network, session);
  return new KeypointFineTuner(options, { recipe, spaces, weights }, encoder, state);
}

function turnsOf({ updates = UPDATES, freeze }: FineTuneSettings): Turn[] {
  const kinds = (Object.keys(SHARES) as KeypointPhase[]).filter(
    (kind) => !PURPOSE[kind].every((part) => freeze.includes(part)),
  );
  const total = kinds.reduce((sum, kind) => sum + SHARES[kind], 0);
  return kinds.map((kind) => ({ kind, round: 0, updates: Math.ceil((updates * SHARES[kind]) / total) }));
}

function mixOf({ fresh, old }: FineTuneOptions, oldShare: number): BatchSource[] {
  const own: BatchSource = { store: fresh, share: 1 - oldShare, accepts: () => true };
  return old ? [own, { store: old, share: oldShare, accepts: () => true }] : [own];
}

/** What a checkpoint must share with the run that goes on from it. */
function identityOf({ bundle, settings, fresh, old }: FineTuneOptions) {
  const parent = bundle.modelHash;
  return { parent, settings: JSON.stringify(settings), episodes: fingerprint(old ? [fresh, old] : [fresh]) };
}

/** A hash over everything in the stores but the images. */
function fingerprint(stores: readonly EpisodeStore[]): string {
  const hash = createHash("sha256");
  for (const store of stores) {
    const { proprioceptionSize, actionSize } = store.sizes;
    hash.update(store.rewards.subarray(0, store.frames));
    hash.update(store.actions.subarray(0, store.frames * actionSize));
    hash.update(store.proprioception.subarray(0, store.frames * proprioceptionSize));
  }
  return hash.digest("hex");
}

function restore({ tensors, progress }: Checkpoint, options: FineTuneOptions, state: KeypointProgress): void {
  const parsed = Extra.safeParse(progress.extra);
  if (!parsed.success) throw mismatch("a fine-tuning run of the keypoint system", "another one");
  const identity = identityOf(options);
  const { parent, settings, episodes, position } = parsed.data;
  if (parent !== identity.parent) throw mismatch(`a run from the bundle ${identity.parent}`, `one from ${parent}`);
  if (progress.seed !== options.seed) throw mismatch(`a run with seed ${options.seed}`, `one with ${progress.seed}`);
  if (settings !== identity.settings) throw mismatch(`a run with ${identity.settings}`, `one with ${settings}`);
  if (episodes !== identity.episodes) throw mismatch("a run on the same episodes", "one on others");
  state.position = position;
  restoreTensors(tensors, state);
}
