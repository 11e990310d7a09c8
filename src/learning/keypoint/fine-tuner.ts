import type { Tensor } from "../../core/tensor.ts";
import { requireEpisodes } from "../episodes/require-episodes.ts";
import type { FineTuneOptions, FineTuner } from "../fine-tune/fine-tuner.ts";
import { restrain } from "../fine-tune/restraint.ts";
import { positionOf } from "../fine-tune/run-identity.ts";
import type { ModelPart } from "../fine-tune/settings.ts";
import { TurnedFineTuner, type TurnTrainer } from "../fine-tune/turned-fine-tuner.ts";
import { planTurns, type TurnKind } from "../fine-tune/turns.ts";
import type { SavedCheckpoint } from "../optimization/divergence.ts";
import type { Weights } from "../optimization/step-runner.ts";
import type { Position, Work } from "../optimization/timetable.ts";
import { type BatchSource, KeypointBatches, rewardedFrames } from "./batches.ts";
import { restoreTensors, stateTensors } from "./checkpoint.ts";
import { FrameEncoder } from "./frame-encoder.ts";
import { readKeypointBundle } from "./from-bundle.ts";
import { keypointGraphs } from "./graphs.ts";
import { PhaseTrainer } from "./phase-trainer.ts";
import type { Turn } from "./recipe.ts";
import type { KeypointProgress } from "./state.ts";
import { type KeypointPhase, keypointSteps } from "./steps.ts";
import { keypointTimetable } from "./timetable.ts";

/** Updates where none are asked for: about two minutes of one core. */
const UPDATES = 12000;
/** Scopes of the networks' parameters. */
const PART_OF: Readonly<Record<string, ModelPart>> = {
  encoder: "encoder",
  dynamics: "dynamics",
  reward: "heads",
  decoder: "decoder",
};
/** The kinds of updates in the order they are made. */
const TURNS: readonly (TurnKind & { readonly name: KeypointPhase })[] = [
  { name: "representation", share: 0.6, purpose: ["encoder"] },
  { name: "dynamics", share: 0.35, purpose: ["dynamics", "heads"] },
  { name: "decoder", share: 0.05, purpose: ["decoder"] },
];

/** The keypoint system's `fineTune`: encoder and reward head, then dynamics, then decoder, on fresh and old episodes. */
export async function fineTuneKeypoint(options: FineTuneOptions): Promise<FineTuner> {
  const { bundle, fresh, heldOut, settings, seed, clock, resume, session } = options;
  const { recipe, spaces, weights } = readKeypointBundle(bundle);
  const { network: config, batch, horizon, learningRate } = recipe;
  requireEpisodes(
    fresh.episodes.some(({ frames }) => frames > horizon),
    horizon + 1,
  );
  const turns = planTurns(TURNS, settings, settings.updates ?? UPDATES).map(
    ({ name, updates }): Turn => ({ kind: name, round: 0, updates }),
  );
  const timetable = keypointTimetable(turns, settings.seconds);
  const state: KeypointProgress = { position: positionOf("keypoint", options), weights, optimizers: {} };
  if (resume) restoreTensors(resume.tensors, state);
  const encoder = await FrameEncoder.open(spaces, config, session);
  const restraint = {
    anchor: weights,
    strength: settings.anchor,
    isFrozen: (parameter: string) => settings.freeze.includes(PART_OF[parameter.split("/")[0]!]!),
  };
  const seen = new KeypointBatches(mixOf(options, settings.oldShare), horizon);
  const moved = new KeypointBatches(mixOf(options, settings.oldDynamicsShare), horizon);
  const trainer = new PhaseTrainer({
    steps: (rate) => {
      const steps = keypointSteps({ spaces, config, batch, horizon, learningRate: rate });
      const { representation, dynamics, decoder } = steps;
      return {
        representation: restrain(representation, restraint),
        dynamics: restrain(dynamics, restraint),
        decoder: restrain(decoder, restraint),
      };
    },
    batches: { representation: seen, dynamics: moved, decoder: seen },
    encoder,
    timetable,
    learningRate: settings.learningRate * learningRate,
    decoderBatch: batch.decoder,
    validation: { store: heldOut ?? fresh, frames: () => rewardedFrames(heldOut?.episodes ?? []) },
    seed,
    clock,
    ...(session && { session }),
  });
  return new TurnedFineTuner(options, {
    system: "keypoint",
    recipe,
    latentSize: encoder.latentSize,
    graphs: keypointGraphs(spaces, recipe),
    turns: turns.map(({ kind }) => ({ name: kind })),
    timetable,
    trainer: new KeypointTurns(trainer, encoder, turns, state),
    position: state.position,
  });
}

/** The phase trainer as a fine-tuning run uses it. */
class KeypointTurns implements TurnTrainer {
  readonly #trainer: PhaseTrainer;
  readonly #encoder: FrameEncoder;
  readonly #turns: readonly Turn[];
  readonly #state: KeypointProgress;

  constructor(trainer: PhaseTrainer, encoder: FrameEncoder, turns: readonly Turn[], state: KeypointProgress) {
    this.#trainer = trainer;
    this.#encoder = encoder;
    this.#turns = turns;
    this.#state = state;
  }

  train(position: Position): Promise<Work> {
    this.#state.position = position;
    return this.#trainer.train(this.#turns[position.turn]!.kind as KeypointPhase, this.#state);
  }

  endTurn(): Promise<void> {
    return this.#trainer.endTurn(this.#state);
  }

  weights(): Promise<Weights> {
    return this.#trainer.weights(this.#state);
  }

  async tensors(): Promise<Map<string, Tensor>> {
    await this.#trainer.keep(this.#state);
    return stateTensors(this.#state);
  }

  noteSaved(saved: SavedCheckpoint): void {
    this.#trainer.noteSaved(saved);
  }

  async close(): Promise<void> {
    await this.#trainer.close();
    await this.#encoder.close();
  }
}

function mixOf({ fresh, old }: FineTuneOptions, oldShare: number): BatchSource[] {
  const own: BatchSource = { store: fresh, share: 1 - oldShare, accepts: () => true };
  return old ? [own, { store: old, share: oldShare, accepts: () => true }] : [own];
}
