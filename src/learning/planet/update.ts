import {
  adam,
  add,
  addAll,
  at,
  constantRate,
  globalNorm,
  max,
  mean,
  mul,
  reshape,
  type Step,
  type StepDefinition,
  type Sym,
  slice,
  square,
  stopGradient,
  sub,
} from "../../graph/index.ts";
import { buildPlanet } from "../../world-models/planet.ts";
import { type ObservedSequence, observeSequence, packState, type Rssm } from "../../world-models/rssm.ts";
import type { ModelSpaces } from "../../world-models/world-model.ts";
import { imageLoss, sensedLoss } from "../observation-loss.ts";
import { mergeSteps, type SequenceBatch, sequenceFields } from "../online/sequence-fields.ts";
import type { PlanetRecipe } from "./recipe.ts";

/**
 * One update of PlaNet: the evidence lower bound of sequences, with the prior trained over several steps ahead.
 *
 * Source: Hafner et al. 2019, arXiv:1811.04551, eq. 3 and 7. Differs: docs/algorithms.md.
 */
export function planetUpdate(spaces: ModelSpaces, recipe: PlanetRecipe): StepDefinition {
  return {
    name: "planet",
    define(step) {
      const { length, batch: rows } = recipe.sequence;
      const model = buildPlanet(step.parameters, spaces, recipe.network);
      const { rssm, observation } = model;
      const batch = sequenceFields(step, spaces, recipe.sequence);
      const noise = (name: string, ...shape: number[]) =>
        rssm.prepareNoise(step.noise(name, [...shape, rssm.stochSize], rssm.noiseKind));
      const proprioception = batch.proprioception && mergeSteps(batch.proprioception);
      const images = Object.fromEntries(Object.entries(batch.images).map(([name, x]) => [name, mergeSteps(x)]));
      const observed = observeSequence(rssm, {
        actions: batch.action,
        embeddings: observation.encode(images, proprioception),
        isFirst: batch.isFirst,
        noise: noise("observation", length, rows),
      });
      const features = packState(observed);
      const image = imageLoss(observation, features, batch, recipe);
      const scaledImage = image && mul(image, recipe.imageScale);
      const sensed = proprioception && sensedLoss(observation, features, proprioception);
      const reward = rewardLoss(model.rewardOf(features), batch);
      const ahead = recipe.overshooting - 1;
      const divergence = divergenceLoss(
        rssm,
        observed,
        batch,
        recipe,
        ahead > 0 ? noise("ahead", ahead, length, rows) : undefined,
      );
      // Minus the log-probability under unit variance, but for its constants.
      const seen = [scaledImage, sensed].filter((loss) => loss !== undefined).map((loss) => mul(loss, 0.5));
      const loss = add(add(addAll(seen), mul(reward, 0.5 * recipe.rewardScale)), divergence);
      report(step, { loss, image, proprioception: sensed, reward, divergence });
      step.minimize("model", loss, {
        groups: { model: { learningRate: constantRate(recipe.learningRate) } },
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
 * Only the nearest expectation pulls on the posterior. Shapes: noise [D - 1, T, B, Z]
 * Source: arXiv:1811.04551, eq. 7: latent overshooting. Differs: distances that cross into another episode count nothing.
 */
export function divergenceLoss(
  rssm: Rssm,
  observed: ObservedSequence,
  { action, isFirst }: Pick<SequenceBatch, "action" | "isFirst">,
  { overshooting, freeNats, posteriorPull }: Pick<PlanetRecipe, "overshooting" | "freeNats" | "posteriorPull">,
  noise: Sym | undefined,
): Sym {
  const [length, rows] = isFirst.shape as [number, number];
  const clipped = (statistics: Sym, prior: Sym) =>
    max(rssm.distribution(statistics).kl(rssm.distribution(prior)), freeNats);
  const terms = [mean(clipped(pulledBy(posteriorPull, observed.statistics), rssm.prior(observed.deter)))];
  const goesOn = sub(1, isFirst);
  let reached = { deter: observed.deter, stoch: observed.stoch };
  let valid: Sym | undefined;
  // After d steps, `reached` holds what was expected of the steps d … T - 1 at the steps 0 … T - 1 - d.
  for (let d = 1; d <= overshooting && d < length; d++) {
    const kept = (length - d) * rows;
    const before = { deter: slice(reached.deter, 0, 0, kept), stoch: slice(reached.stoch, 0, 0, kept) };
    const from = (x: Sym) => slice(x, 0, d);
    const deter = rssm.core(before, mergeSteps(from(action)));
    const prior = rssm.prior(deter);
    const lasting = from(goesOn);
    valid = valid ? mul(slice(valid, 0, 0, length - d), lasting) : lasting;
    // One step ahead of its posterior is what `observeSequence` did already.
    if (d > 1) {
      const seen = stopGradient(slice(observed.statistics, 0, d * rows));
      terms.push(mean(mul(reshape(clipped(seen, prior), [length - d, rows]), valid)));
    }
    if (d < overshooting && noise) {
      const draw = mergeSteps(slice(at(noise, d - 1), 0, d));
      reached = { deter, stoch: rssm.distribution(prior).sample(draw) };
    }
  }
  return mul(addAll(terms), 1 / terms.length);
}

function report(step: Step, figures: Readonly<Record<string, Sym | undefined>>): void {
  for (const [name, value] of Object.entries(figures)) if (value) step.metric(name, value);
}
