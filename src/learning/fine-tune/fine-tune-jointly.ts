import type { z } from "zod";
import { buildEvaluation, type ParameterSpec, type Schedule } from "../../graph/index.ts";
import type { Bundle } from "../../inference/read-bundle.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import type { EpisodeStore } from "../episodes/episode-store.ts";
import { MixedRows, type RowSource } from "../episodes/mixed-rows.ts";
import { requireEpisodes } from "../episodes/require-episodes.ts";
import type { OnlineSystem } from "../online/learner.ts";
import { Timetable } from "../optimization/timetable.ts";
import { spacesOfManifest } from "../world/spaces.ts";
import type { FineTuneOptions, FineTuner } from "./fine-tuner.ts";
import { HeldOutLoss } from "./held-out-loss.ts";
import { JointTrainer, type Pace } from "./joint-trainer.ts";
import { isInScope, type PartsByScope, planJointTurns } from "./joint-turns.ts";
import { restrain } from "./restraint.ts";
import { positionOf } from "./run-identity.ts";
import { readParameters, readRecipe } from "./trainable-bundle.ts";
import { TurnedFineTuner } from "./turned-fine-tuner.ts";

/** What a system whose networks are all trained by one update brings to fine-tuning. */
export interface JointSystem<Recipe extends Readonly<Record<string, unknown>>> {
  readonly recipe: z.ZodType<Recipe>;
  readonly parts: PartsByScope;
  /** Scopes of networks that only training needs: no graph of a bundle holds them. */
  readonly trainingOnly?: readonly string[];
  /** Updates where none are asked for: about two minutes of one core. */
  readonly updates: number;
  /** The system by a recipe; each learning rate in it is run as `rate` says. */
  open(spaces: ModelSpaces, recipe: Recipe, rate: (own: number) => Schedule): OnlineSystem;
}

/**
 * Fine-tunes a bundle of such a system, in turns: docs/sidecar.md.
 *
 * Target networks begin as copies, optimisers and carried values anew.
 * @throws ERR_NOT_TRAINABLE, ERR_REPLAY_EMPTY, ERR_CHECKPOINT_MISMATCH; ERR_INVALID_ARGUMENT if all of the model is frozen
 */
export async function fineTuneJointly<Recipe extends Readonly<Record<string, unknown>>>(
  options: FineTuneOptions,
  joint: JointSystem<Recipe>,
): Promise<FineTuner> {
  const { bundle, settings, seed, clock, resume, session } = options;
  const recipe = readRecipe(bundle, joint.recipe);
  const pace: Pace = { share: 0 };
  const rate = (own: number) => () => own * settings.learningRate * pace.share;
  const system = joint.open(spacesOfManifest(bundle.manifest), recipe, rate);
  const evaluation = buildEvaluation(system.step);
  const { parameters } = evaluation;
  const { weights, missing } = heldBy(bundle, parameters, joint);
  const { fresh, old, heldOut } = sourcesOf(options, system);
  const turns = planJointTurns({ ...settings, updates: settings.updates ?? joint.updates }, joint.parts, missing);
  const timetable = new Timetable(
    turns.map(({ updates }) => ({ count: updates, cost: 1, collects: false })),
    settings.seconds,
  );
  const position = positionOf(system.name, options);
  const trainer = new JointTrainer({
    turns: turns.map(({ learns, oldShare }) => ({
      step: restrain(system.step, {
        anchor: weights,
        strength: settings.anchor,
        isFrozen: (parameter) => !learns(parameter),
      }),
      batches: mixOf(fresh, old, oldShare),
    })),
    timetable,
    pace,
    weights,
    parameters,
    heldOut: heldOut && (await HeldOutLoss.open(evaluation, heldOut, session)),
    seed,
    clock,
    ...(resume && { resume: resume.tensors }),
    ...(session && { session }),
  });
  const { name, latentSize, graphs } = system;
  return new TurnedFineTuner(options, {
    system: name,
    recipe,
    latentSize,
    graphs,
    turns,
    timetable,
    trainer,
    position,
  });
}

/** The bundle's weights, and the names of those that it lacks and may lack. */
function heldBy(
  bundle: Bundle,
  parameters: readonly ParameterSpec[],
  { trainingOnly = [] }: Pick<JointSystem<never>, "trainingOnly">,
) {
  const mayBeMissing = (name: string) => trainingOnly.some((scope) => isInScope(name, scope));
  const weights = readParameters(bundle, parameters, mayBeMissing);
  const missing = parameters.map(({ name }) => name).filter((name) => !weights.has(name));
  return { weights, missing: new Set(missing) };
}

/** Where batches come from; undefined where there are too few frames for one. @throws ERR_REPLAY_EMPTY */
function sourcesOf({ fresh, old, heldOut }: FineTuneOptions, { batches }: OnlineSystem) {
  const ready = (store: EpisodeStore | undefined) => {
    const source = store && batches(store);
    return source?.ready ? source : undefined;
  };
  const source = batches(fresh);
  requireEpisodes(source.ready, source.framesNeeded);
  return { fresh: source, old: ready(old), heldOut: ready(heldOut) };
}

function mixOf(fresh: RowSource, old: RowSource | undefined, oldShare: number): MixedRows {
  if (!old) return new MixedRows([{ source: fresh, share: 1 }]);
  return new MixedRows([
    { source: fresh, share: 1 - oldShare },
    { source: old, share: oldShare },
  ]);
}
