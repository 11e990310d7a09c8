import {
  add,
  clip,
  cumulativeSum,
  div,
  exp,
  log,
  max,
  mean,
  mul,
  neg,
  reshape,
  type Sym,
  sigmoid,
  slice,
  stopGradient,
  sub,
} from "../../graph/index.ts";
import type { DreamerModel } from "../../world-models/dreamer.ts";
import type { RssmState } from "../../world-models/rssm.ts";
import { type ImaginationNoise, imagineRollout } from "../imagined-rollout.ts";
import { lambdaReturn } from "../lambda-return.ts";
import { mergeSteps, type SequenceBatch } from "../online/sequence-fields.ts";
import { percentiles } from "../percentile.ts";

export interface ActorCriticOptions {
  readonly discount: number;
  readonly lambda: number;
  readonly entropyScale: number;
  /** Weight of the critic's pull towards its slow copy. */
  readonly slowScale: number;
  /** Share of the newest percentiles in the running ones. */
  readonly returnRate: number;
}

/** Percentiles of the returns between which their range is taken. */
const RETURN_RANGE = [0.05, 0.95];
/** Ranges below this do not enlarge advantages: returns near zero would become noise. */
const MIN_RETURN_RANGE = 1;

export interface ActorCriticLosses {
  readonly policy: Sym;
  readonly value: Sym;
  /** λ-returns of the starts. Shapes: [N] */
  readonly startReturns: Sym;
  /** Running percentiles after this batch. Shapes: each [1] */
  readonly returnLow: Sym;
  readonly returnHigh: Sym;
  readonly entropy: Sym;
  readonly meanReturn: Sym;
}

/**
 * Actor and critic learn from imagined rollouts; no gradient reaches the world model.
 *
 * Shapes: start N states; noise over H steps; running percentiles each [1]
 * Source: Hafner et al. 2023, arXiv:2301.04104, eq. 7 to 13.
 */
export function actorCriticLoss(
  model: DreamerModel,
  start: RssmState,
  noise: ImaginationNoise,
  running: { readonly low: Sym; readonly high: Sym },
  options: ActorCriticOptions,
): ActorCriticLosses {
  const { discount, lambda, entropyScale, slowScale, returnRate } = options;
  const { graph } = start.deter;
  const [horizon, count] = noise.actions.shape as [number, number];
  const limit = (action: Sym) => clip(action, -1, 1);
  const { features, actions } = graph.withoutGradient(() =>
    imagineRollout(model.rssm, start, (state, draw) => model.actor(state).sample(draw), limit, noise),
  );
  const early = slice(features, 0, 0, horizon * count); // states 0 … H - 1
  const byStep = (x: Sym, steps: number) => reshape(x, [steps, count]);

  const targets = graph.withoutGradient(() => {
    const values = byStep(model.valueBins(features).mean(), horizon + 1);
    const later = (x: Sym) => slice(x, 0, 1);
    const goesOn = byStep(sigmoid(model.continuationLogits(features)), horizon + 1);
    const discounts = mul(goesOn, discount);
    const returns = lambdaReturn({
      rewards: later(byStep(model.rewardBins(features).mean(), horizon + 1)),
      discounts: later(discounts),
      values: later(values),
      lambda,
    });
    const lasting = exp(cumulativeSum(log(discounts), 0)); // probability that the episode lasts, discounted
    const weights = mul(slice(lasting, 0, 0, horizon), 1 / discount);
    const [low, high] = percentiles(reshape(returns, [horizon * count]), RETURN_RANGE) as [Sym, Sym];
    const move = (before: Sym, now: Sym) => add(before, mul(sub(now, before), returnRate));
    const [returnLow, returnHigh] = [move(running.low, low), move(running.high, high)];
    const range = max(sub(returnHigh, returnLow), MIN_RETURN_RANGE);
    const advantages = div(sub(returns, slice(values, 0, 0, horizon)), range);
    const slow = model.slowValueBins(early).mean();
    const flat = (x: Sym) => reshape(x, [horizon * count]);
    return {
      returns,
      weights: flat(weights),
      advantages: flat(advantages),
      flatReturns: flat(returns),
      slow,
      returnLow,
      returnHigh,
    };
  });

  const inputs = stopGradient(early);
  const policy = model.actor(inputs);
  const entropy = policy.entropy();
  const gain = add(mul(policy.logProb(stopGradient(actions)), targets.advantages), mul(entropy, entropyScale)); // eq. 11
  const bins = model.valueBins(inputs);
  const fit = add(bins.logProb(targets.flatReturns), mul(bins.logProb(targets.slow), slowScale)); // eq. 10
  return {
    policy: neg(mean(mul(targets.weights, gain))),
    value: neg(mean(mul(targets.weights, fit))),
    startReturns: reshape(slice(targets.returns, 0, 0, 1), [count]),
    returnLow: targets.returnLow,
    returnHigh: targets.returnHigh,
    entropy: mean(entropy),
    meanReturn: mean(targets.returns),
  };
}

/** What replay says about the states that imagination started from. Shapes: each [T, B] */
export type ReplayedSteps = Pick<SequenceBatch, "reward" | "isLast" | "isTerminal">;

/**
 * The critic learns from replayed rewards too: λ-returns along each sequence, bootstrapped by the imagined returns of its states.
 *
 * Gradients reach the representation. Shapes: features [T·B, F], imagined [T·B]
 * Source: Hafner et al. 2023, arXiv:2301.04104, section "Critic learning", and the published code.
 */
export function replayValueLoss(
  model: DreamerModel,
  features: Sym,
  imagined: Sym,
  { reward, isLast, isTerminal }: ReplayedSteps,
  { discount, lambda, slowScale }: ActorCriticOptions,
): Sym {
  const [length, batch] = reward.shape as [number, number];
  const later = (x: Sym) => slice(x, 0, 1);
  const earlier = (x: Sym) => slice(x, 0, 0, length - 1);
  const known = slice(features, 0, 0, (length - 1) * batch);
  const targets = features.graph.withoutGradient(() => ({
    // The return of an episode's last frame goes on in imagination, not into the next episode.
    returns: lambdaReturn({
      rewards: later(reward),
      discounts: mul(sub(1, later(isTerminal)), discount),
      values: later(reshape(imagined, [length, batch])),
      lambda: mul(sub(1, later(isLast)), lambda),
    }),
    slow: model.slowValueBins(known).mean(),
  }));
  const bins = model.valueBins(known);
  const fit = add(bins.logProb(mergeSteps(targets.returns)), mul(bins.logProb(targets.slow), slowScale));
  return neg(mean(mul(mergeSteps(earlier(sub(1, isLast))), fit)));
}
