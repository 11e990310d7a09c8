import {
  add,
  addAll,
  bernoulli,
  max,
  mean,
  mul,
  neg,
  reshape,
  type Sym,
  stopGradient,
  sub,
} from "../../graph/index.ts";
import type { DreamerModel } from "../../world-models/dreamer.ts";
import { type ObservedSequence, observeSequence, packState } from "../../world-models/rssm.ts";
import { type ImageLossOptions, imageLoss, sensedLoss } from "../observation-loss.ts";
import { mergeSteps, type SequenceBatch } from "../online/sequence-fields.ts";

export interface WorldModelOptions extends ImageLossOptions {
  /** Divergences below this many nats are not worth making smaller. */
  readonly freeNats: number;
  /** Weight of the posterior's pull towards the prior, beside 1 for the prior's towards the posterior. */
  readonly representationScale: number;
  readonly imageScale: number;
}

/** Each a mean over all steps, not yet scaled. */
export interface WorldModelLosses {
  readonly observed: ObservedSequence;
  /** Of the posterior states. Shapes: [T·B, F] */
  readonly features: Sym;
  readonly image: Sym | undefined;
  readonly proprioception: Sym | undefined;
  readonly reward: Sym;
  readonly continuation: Sym;
  readonly dynamics: Sym;
  readonly representation: Sym;
  readonly total: Sym;
}

/**
 * The world model's losses: predictions of what was seen, and divergences of posterior and prior, balanced.
 *
 * Shapes: noise [T, B, Z]
 * Source: Hafner et al. 2023, arXiv:2301.04104, eq. 2 to 6. Differs: docs/algorithms.md.
 */
export function worldModelLoss(
  model: DreamerModel,
  batch: SequenceBatch,
  noise: Sym,
  options: WorldModelOptions,
): WorldModelLosses {
  const { rssm, observation } = model;
  const proprioception = batch.proprioception && mergeSteps(batch.proprioception);
  const images = Object.fromEntries(Object.entries(batch.images).map(([name, image]) => [name, mergeSteps(image)]));
  const observed = observeSequence(rssm, {
    actions: batch.action,
    embeddings: observation.encode(images, proprioception),
    isFirst: batch.isFirst,
    noise,
  });
  const features = packState(observed);
  const prior = rssm.prior(observed.deter, observed.before);
  const divergence = (posterior: Sym, before: Sym) =>
    mean(max(rssm.distribution(posterior).kl(rssm.distribution(before)), options.freeNats)); // free bits
  const dynamics = divergence(stopGradient(observed.statistics), prior); // eq. 5
  const representation = divergence(observed.statistics, stopGradient(prior)); // eq. 6

  const image = imageLoss(observation, features, batch, options);
  const proprioceptionLoss = proprioception && sensedLoss(observation, features, proprioception);
  const rewardLoss = neg(model.rewardBins(features).logProb(mergeSteps(batch.reward)));
  const reward = mean(mul(rewardLoss, mergeSteps(batch.rewarded)));
  const goesOn = reshape(sub(1, batch.isTerminal), [-1, 1]);
  const continuation = neg(mean(bernoulli(model.continuationLogits(features)).logProb(goesOn)));
  const scaledImage = image && mul(image, options.imageScale);
  const predictions = [scaledImage, proprioceptionLoss, reward, continuation].filter((loss) => loss !== undefined);
  const divergences = add(dynamics, mul(representation, options.representationScale));
  return {
    observed,
    features,
    image,
    proprioception: proprioceptionLoss,
    reward,
    continuation,
    dynamics,
    representation,
    total: add(addAll(predictions), divergences),
  };
}
