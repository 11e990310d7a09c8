import {
  addAll,
  bernoulli,
  max,
  mean,
  mul,
  neg,
  reshape,
  type Sym,
  slice,
  square,
  stopGradient,
  sub,
} from "../../graph/index.ts";
import type { DreamerModel } from "../../world-models/dreamer.ts";
import type { ObservedSequence, Rssm } from "../../world-models/rssm.ts";
import { expectAhead, reachedAhead } from "../losses/expected-ahead.ts";
import { type ImageLossOptions, imageLoss, sensedErrors } from "../losses/observation-loss.ts";
import { observeBatch } from "../losses/observed-batch.ts";
import { mergeSteps, type SequenceBatch } from "../online/sequence-fields.ts";

export interface WorldModelOptions extends ImageLossOptions {
  /** Divergences below this many nats are not worth making smaller. */
  readonly freeNats: number;
  /** Whether the first frame of a sequence, before which nothing is known, counts as expected. */
  readonly expectFirst: boolean;
  /** Weight of the posterior's pull towards the prior, beside 1 for the prior's towards the posterior. */
  readonly representationScale: number;
  readonly imageScale: number;
  readonly proprioceptionScale: number;
  readonly rewardScale: number;
  /** Weight of the squared error of the reward read off single frames. */
  readonly frameScale: number;
  /** Weight of rewards and proprioception predicted over several steps, beside those of the posterior. */
  readonly aheadScale: number;
  /** Steps that these predictions reach. */
  readonly overshooting: number;
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
  readonly frame: Sym | undefined;
  readonly rewardAhead: Sym | undefined;
  readonly proprioceptionAhead: Sym | undefined;
  readonly total: Sym;
}

/** What the world model's samples are made from. Shapes: observed [T, B, Z], ahead [D, T, B, Z], prepared */
export interface WorldModelNoise {
  readonly observed: Sym;
  readonly ahead: Sym | undefined;
}

/**
 * The world model's losses: predictions of what was seen, and divergences of posterior and prior, balanced.
 *
 * Shapes: the first T of the batch's N steps have images
 * Source: Hafner et al. 2023, arXiv:2301.04104, eq. 2 to 6. Differs: docs/algorithms.md.
 */
export function worldModelLoss(
  model: DreamerModel,
  whole: SequenceBatch,
  noise: WorldModelNoise,
  options: WorldModelOptions,
): WorldModelLosses {
  const { rssm, observation } = model;
  const { batch, proprioception, embeddings, observed, features } = observeBatch(model, whole, noise.observed);
  const { dynamics, representation } = divergences(rssm, observed, batch, options);

  const image = imageLoss(observation, features, batch, options);
  const sensed = proprioception && mean(sensedErrors(observation, features, proprioception));
  const [rewards, rewarded] = [mergeSteps(batch.reward), mergeSteps(batch.rewarded)];
  const reward = mean(mul(neg(model.rewardOf(features).logProb(rewards)), rewarded));
  const frameError = () => sub(reshape(model.rewardOfFrame(embeddings), [-1]), rewards);
  const frame = options.frameScale > 0 ? mean(mul(square(frameError()), rewarded)) : undefined;
  const goesOn = reshape(sub(1, batch.isTerminal), [-1, 1]);
  const continuation = neg(mean(bernoulli(model.continuationLogits(features)).logProb(goesOn)));
  const ahead = noise.ahead && predictionLosses(model, observed, whole, noise.ahead);
  const { imageScale, proprioceptionScale, rewardScale, frameScale, aheadScale, representationScale } = options;
  const weigh = (loss: Sym | undefined, scale: number) => (loss ? [mul(loss, scale)] : []);
  return {
    observed,
    features,
    image,
    proprioception: sensed,
    reward,
    continuation,
    dynamics,
    representation,
    frame,
    rewardAhead: ahead?.reward,
    proprioceptionAhead: ahead?.proprioception,
    total: addAll([
      ...weigh(image, imageScale),
      ...weigh(sensed, proprioceptionScale),
      ...weigh(reward, rewardScale),
      ...weigh(frame, frameScale),
      ...weigh(ahead?.reward, aheadScale * rewardScale),
      ...weigh(ahead?.proprioception, aheadScale * proprioceptionScale),
      continuation,
      dynamics,
      mul(representation, representationScale),
    ]),
  };
}

/** Of posterior and prior, once for each side; eq. 5 and 6. */
function divergences(
  rssm: Rssm,
  observed: ObservedSequence,
  { isFirst, rewarded }: Pick<SequenceBatch, "isFirst" | "rewarded">,
  { freeNats, expectFirst }: Pick<WorldModelOptions, "freeNats" | "expectFirst">,
): { dynamics: Sym; representation: Sym } {
  const prior = rssm.prior(observed.deter, observed.before);
  const foreseeable = max(rewarded, isFirst); // nobody can expect where a goal moves
  const divergence = (posterior: Sym, before: Sym) => {
    const apart = max(rssm.distribution(posterior).kl(rssm.distribution(before)), freeNats); // free bits
    return mean(slice(mul(reshape(apart, isFirst.shape), foreseeable), 0, expectFirst ? 0 : 1));
  };
  return {
    dynamics: divergence(stopGradient(observed.statistics), prior),
    representation: divergence(observed.statistics, stopGradient(prior)),
  };
}

/** Of what is imagined over several steps under the actions that were taken. */
function predictionLosses(
  model: DreamerModel,
  observed: ObservedSequence,
  batch: SequenceBatch,
  noise: Sym,
): { reward: Sym; proprioception: Sym | undefined } {
  const expected = expectAhead(model.rssm, observed, batch, noise.extent(0), noise);
  const { features, mean, happened } = reachedAhead(expected);
  const sensed = batch.proprioception && happened(batch.proprioception);
  return {
    reward: mean(neg(model.rewardOf(features).logProb(happened(batch.reward)))),
    proprioception: sensed && mean(sensedErrors(model.observation, features, sensed)),
  };
}
