import {
  adam,
  adaptive,
  add,
  globalNorm,
  laProp,
  mul,
  type Schedule,
  type Step,
  type StepDefinition,
  type Sym,
  slice,
  stopGradient,
} from "../../graph/index.ts";
import { buildDreamer, type DreamerModel } from "../../world-models/dreamer.ts";
import type { RssmState } from "../../world-models/rssm.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { firstSteps, type SequenceBatch, sequenceFields } from "../online/sequence-fields.ts";
import { type ActorCriticLosses, actorCriticLoss, type Behaviour, replayValueLoss } from "./actor-critic-loss.ts";
import { type DreamerV3Recipe, scheduleOf } from "./recipe.ts";
import { type WorldModelLosses, type WorldModelNoise, worldModelLoss } from "./world-model-loss.ts";

/** As PlaNet has it: a bound on what goes wrong, not on what is usual. */
const MAX_GRADIENT_NORM = 1000;
const RETURN_LOW = "return/low";
const RETURN_HIGH = "return/high";

/**
 * One update of DreamerV3: world model, actor and critic by one optimiser on the sum of their losses.
 *
 * Source: Hafner et al. 2023, arXiv:2301.04104, and the published code. Differs: docs/algorithms.md.
 */
export function dreamerV3Update(
  spaces: ModelSpaces,
  recipe: DreamerV3Recipe,
  learningRate: Schedule = scheduleOf(recipe),
): StepDefinition {
  return {
    name: "dreamer-v3",
    define(step) {
      const model = buildDreamer(step.parameters, spaces, recipe.network);
      const frozen = buildDreamer(step.parameters.frozen(), spaces, recipe.network);
      const whole = sequenceFields(step, spaces, recipe.sequence);
      const batch = firstSteps(whole, recipe.sequence.length);
      const world = worldModelLoss(model, whole, worldModelNoise(step, model, recipe), recipe);
      const { critic, replayValue } = behaviour(step, { trained: model, frozen }, batch, world, recipe);
      const learned = add(critic.policy, add(critic.value, mul(replayValue, recipe.replayValueScale)));
      const loss = add(world.total, learned);
      report(step, { loss, ...figuresOf(world), ...figuresOf(critic), replayValue });
      step.minimize("model", loss, {
        groups: { model: { learningRate } },
        ...(recipe.optimizer === "adam"
          ? { optimizer: adam(), clip: globalNorm(MAX_GRADIENT_NORM) }
          : { optimizer: laProp(), clip: adaptive(recipe.clipShare) }),
      });
      step.trackTargets({ tau: recipe.slowRate });
    },
  };
}

function worldModelNoise(step: Step, { rssm }: DreamerModel, recipe: DreamerV3Recipe): WorldModelNoise {
  const { length, batch, ahead } = recipe.sequence;
  const noise = (name: string, ...shape: number[]) =>
    rssm.prepareNoise(step.noise(name, [...shape, rssm.stochSize], rssm.noiseKind));
  const distance = Math.min(recipe.overshooting, length + ahead - 1);
  return {
    observed: noise("observation", length, batch),
    ahead: recipe.aheadScale > 0 ? noise("ahead", distance, length, batch) : undefined,
  };
}

/** Imagination from the last states of each sequence, and what is learned from it. */
function behaviour(
  step: Step,
  networks: Behaviour,
  batch: SequenceBatch,
  { observed, features }: WorldModelLosses,
  recipe: DreamerV3Recipe,
): { critic: ActorCriticLosses; replayValue: Sym } {
  const { horizon, starts } = recipe.imagination;
  const { length, batch: rows } = recipe.sequence;
  const model = networks.trained;
  const count = starts * rows;
  const last = (x: Sym) => slice(x, 0, (length - starts) * rows);
  const start: RssmState = { deter: stopGradient(last(observed.deter)), stoch: stopGradient(last(observed.stoch)) };
  const noise = {
    actions: step.noise("imagination/actions", [horizon, count, model.actionSize]),
    states: model.rssm.prepareNoise(
      step.noise("imagination/states", [horizon, count, model.rssm.stochSize], model.rssm.noiseKind),
    ),
  };
  const running = { low: step.carried(RETURN_LOW, [1]), high: step.carried(RETURN_HIGH, [1]) };
  const critic = actorCriticLoss(networks, start, noise, running, recipe);
  step.carry(RETURN_LOW, critic.returnLow);
  step.carry(RETURN_HIGH, critic.returnHigh);
  const lastRows = (x: Sym) => slice(x, 0, length - starts);
  const replayed = {
    reward: lastRows(batch.reward),
    isLast: lastRows(batch.isLast),
    isTerminal: lastRows(batch.isTerminal),
  };
  return { critic, replayValue: replayValueLoss(model, last(features), critic.startReturns, replayed, recipe) };
}

const WORLD_FIGURES = [
  "image",
  "proprioception",
  "reward",
  "frame",
  "rewardAhead",
  "proprioceptionAhead",
  "continuation",
  "dynamics",
  "representation",
] as const;
const CRITIC_FIGURES = ["policy", "value", "entropy", "meanReturn"] as const;

function figuresOf(losses: WorldModelLosses | ActorCriticLosses): Readonly<Record<string, Sym>> {
  const names: readonly string[] = "policy" in losses ? CRITIC_FIGURES : WORLD_FIGURES;
  return Object.fromEntries(Object.entries(losses).filter(([name, value]) => names.includes(name) && value));
}

function report(step: Step, figures: Readonly<Record<string, Sym>>): void {
  for (const [name, value] of Object.entries(figures)) step.metric(name, value);
}
