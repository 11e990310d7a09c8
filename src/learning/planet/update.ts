import type { Shape } from "../../core/tensor.ts";
import {
  adam,
  add,
  addAll,
  globalNorm,
  max,
  mean,
  mul,
  reshape,
  type Schedule,
  type Step,
  type StepDefinition,
  type Sym,
  slice,
  square,
  stopGradient,
  sub,
} from "../../graph/index.ts";
import { buildPlanet, type PlanetModel } from "../../world-models/planet.ts";
import type { ObservedSequence, Rssm } from "../../world-models/rssm.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { type Expected, expectAhead, reachedAhead } from "../losses/expected-ahead.ts";
import { imageLoss, sensedErrors } from "../losses/observation-loss.ts";
import { observeBatch } from "../losses/observed-batch.ts";
import { type SequenceBatch, sequenceFields } from "../online/sequence-fields.ts";
import { type PlanetRecipe, scheduleOf } from "./recipe.ts";

/**
 * One update of PlaNet: the evidence lower bound of sequences, with the prior trained over several steps ahead.
 *
 * Source: Hafner et al. 2019, arXiv:1811.04551, eq. 3 and 7. Differs: docs/algorithms.md.
 */
export function planetUpdate(
  spaces: ModelSpaces,
  recipe: PlanetRecipe,
  learningRate: Schedule = scheduleOf(recipe),
): StepDefinition {
  return {
    name: "planet",
    define(step) {
      const { length, batch: rows } = recipe.sequence;
      const model = buildPlanet(step.parameters, spaces, recipe.network);
      const { rssm, observation } = model;
      const whole = sequenceFields(step, spaces, recipe.sequence);
      const noise = (name: string, ...shape: number[]) =>
        rssm.prepareNoise(step.noise(name, [...shape, rssm.stochSize], rssm.noiseKind));
      const seen = observeBatch(model, whole, noise("observation", length, rows));
      const { batch, proprioception, embeddings, observed, features } = seen;
      const image = imageLoss(observation, features, batch, recipe);
      const sensed = proprioception && mean(sensedErrors(observation, features, proprioception));
      const reward = rewardLoss(model.rewardOf(features), batch);
      const draws = Math.min(recipe.overshooting, length + recipe.sequence.ahead - 1) - (recipe.aheadScale > 0 ? 0 : 1);
      const expected = expectAhead(
        rssm,
        observed,
        whole,
        recipe.overshooting,
        draws > 0 ? noise("ahead", draws, length, rows) : undefined,
      );
      const divergence = divergenceLoss(rssm, observed, batch, expected, recipe);
      const ahead = recipe.aheadScale > 0 ? predictionLosses(model, expected, whole) : undefined;
      const frame = recipe.frameScale > 0 ? rewardLoss(model.rewardOfFrame(embeddings), batch) : undefined;
      // Minus the log-probability under unit variance, but for its constants.
      const weigh = (error: Sym | undefined, scale: number) => (error ? [mul(error, 0.5 * scale)] : []);
      const { imageScale, proprioceptionScale, rewardScale, frameScale, aheadScale } = recipe;
      const loss = addAll([
        ...weigh(image, imageScale),
        ...weigh(sensed, proprioceptionScale),
        ...weigh(reward, rewardScale),
        ...weigh(frame, frameScale * rewardScale),
        ...weigh(ahead?.proprioception, aheadScale * proprioceptionScale),
        ...weigh(ahead?.reward, aheadScale * rewardScale),
        divergence,
      ]);
      report(step, {
        loss,
        frame,
        image,
        proprioception: sensed,
        reward,
        divergence,
        rewardAhead: ahead?.reward,
        proprioceptionAhead: ahead?.proprioception,
      });
      step.minimize("model", loss, {
        groups: { model: { learningRate } },
        optimizer: adam({ epsilon: recipe.epsilon }),
        clip: globalNorm(recipe.maxGradientNorm),
      });
    },
  };
}

/** Mean squared error of the rewards, first frames left out. Shapes: predicted [T·B, 1] */
function rewardLoss(predicted: Sym, { reward, rewarded }: SequenceBatch): Sym {
  const error = sub(reshape(predicted, reward.shape), reward);
  return mean(mul(square(error), rewarded));
}

/** The same value, to which only a share of the gradient passes. */
function pulledBy(share: number, x: Sym): Sym {
  return share === 1 ? x : add(mul(x, share), mul(stopGradient(x), 1 - share));
}

/**
 * Divergence of what was seen from what was expected 1 … D steps before, each at least the free nats; a mean over distances.
 *
 * Only the nearest expectation pulls on the posterior.
 * Source: arXiv:1811.04551, eq. 7: latent overshooting. Differs: distances that cross into another episode count nothing.
 */
export function divergenceLoss(
  rssm: Rssm,
  observed: ObservedSequence,
  { isFirst, rewarded }: Pick<SequenceBatch, "isFirst" | "rewarded">,
  expected: readonly Expected[],
  { freeNats, posteriorPull, expectFirst }: Pick<PlanetRecipe, "freeNats" | "posteriorPull" | "expectFirst">,
): Sym {
  const [length, rows] = isFirst.shape as [number, number];
  const clipped = (statistics: Sym, prior: Sym, shape: Shape) =>
    reshape(max(rssm.distribution(statistics).kl(rssm.distribution(prior)), freeNats), shape);
  const near = clipped(
    pulledBy(posteriorPull, observed.statistics),
    rssm.prior(observed.deter, observed.before),
    isFirst.shape,
  );
  const foreseeable = max(rewarded, isFirst); // nobody can expect where a goal moves
  const from = expectFirst ? 0 : 1;
  const terms = [mean(slice(mul(near, foreseeable), 0, from))];
  for (const { distance, prior, valid } of expected.slice(1, length - 1)) {
    const seen = stopGradient(slice(observed.statistics, 0, distance * rows));
    const both = (length - distance) * rows;
    const apart = clipped(seen, slice(prior, 0, 0, both), [length - distance, rows]);
    terms.push(mean(mul(apart, slice(valid, 0, 0, length - distance))));
  }
  return mul(addAll(terms), 1 / terms.length);
}

/** Mean squared errors of what the rollouts say of rewards and proprioception. */
function predictionLosses(
  { rewardOf, observation }: PlanetModel,
  expected: readonly Expected[],
  { reward, proprioception }: SequenceBatch,
): { reward: Sym; proprioception: Sym | undefined } {
  const { features, mean, happened } = reachedAhead(expected);
  const error = sub(reshape(rewardOf(features), [-1]), happened(reward));
  return {
    reward: mean(square(error)),
    proprioception: proprioception && mean(sensedErrors(observation, features, happened(proprioception))),
  };
}

function report(step: Step, figures: Readonly<Record<string, Sym | undefined>>): void {
  for (const [name, value] of Object.entries(figures)) if (value) step.metric(name, value);
}
