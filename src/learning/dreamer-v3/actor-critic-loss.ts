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
import { type ImaginationNoise, imagineRollout } from "../losses/imagined-rollout.ts";
import { lambdaReturn } from "../losses/lambda-return.ts";
import { percentiles } from "../losses/percentile.ts";
import { mergeSteps, type SequenceBatch } from "../online/sequence-fields.ts";

export interface ActorCriticOptions {
  readonly discount: number;
  readonly lambda: number;
  readonly entropyScale: number;
  /** How the actor learns: by the likelihood of good actions, or by gradients of the returns through the dynamics. */
  readonly actorGradient: "reinforce" | "dynamics";
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

/** The networks that imagination uses: as they are trained, and so that no gradient reaches them. */
export interface Behaviour {
  readonly trained: DreamerModel;
  readonly frozen: DreamerModel;
}

/**
 * Actor and critic learn from imagined rollouts; no gradient reaches the world model.
 *
 * Shapes: start N states; noise over H steps; running percentiles each [1]
 * Source: Hafner et al. 2023, arXiv:2301.04104, eq. 7 to 13; gradients through the dynamics: arXiv:1912.01603, eq. 7.
 */
export function actorCriticLoss(
  { trained, frozen }: Behaviour,
  start: RssmState,
  noise: ImaginationNoise,
  running: { readonly low: Sym; readonly high: Sym },
  options: ActorCriticOptions,
): ActorCriticLosses {
  const { discount, lambda, entropyScale, slowScale, returnRate, actorGradient } = options;
  const { graph } = start.deter;
  const [horizon, count] = noise.actions.shape as [number, number];
  const early = (x: Sym) => slice(x, 0, 0, horizon * count); // states 0 … H - 1
  const later = (x: Sym) => slice(reshape(x, [horizon + 1, count]), 0, 1); // states 1 … H

  const imagined = () => {
    const choose = (state: Sym, draw: Sym) => trained.actor(stopGradient(state)).sample(draw);
    const { features, actions } = imagineRollout(frozen.rssm, start, choose, (action) => clip(action, -1, 1), noise);
    const values = frozen.valueBins(features).mean();
    const discounts = mul(sigmoid(frozen.continuationLogits(features)), discount);
    const returns = lambdaReturn({
      rewards: later(frozen.rewardOf(features).mean()),
      discounts: later(discounts),
      values: later(values),
      lambda,
    });
    return { features, actions, values, discounts, returns: reshape(returns, [horizon * count]) };
  };
  // Through the dynamics, returns are functions of the actor; else they only weigh how likely its actions were.
  const throughDynamics = actorGradient === "dynamics";
  const { features, actions, values, discounts, returns } = throughDynamics
    ? imagined()
    : graph.withoutGradient(imagined);

  const targets = graph.withoutGradient(() => {
    const [low, high] = percentiles(returns, RETURN_RANGE) as [Sym, Sym];
    const move = (before: Sym, now: Sym) => add(before, mul(sub(now, before), returnRate));
    const [returnLow, returnHigh] = [move(running.low, low), move(running.high, high)];
    const lasting = exp(cumulativeSum(log(reshape(discounts, [horizon + 1, count])), 0)); // discounted, to each state
    return {
      returnLow,
      returnHigh,
      range: max(sub(returnHigh, returnLow), MIN_RETURN_RANGE),
      weights: mul(early(reshape(lasting, [-1])), 1 / discount),
      slow: trained.slowValueBins(early(features)).mean(),
    };
  });

  const inputs = stopGradient(early(features));
  const policy = trained.actor(inputs);
  const entropy = policy.entropy();
  const objective = throughDynamics
    ? div(returns, targets.range)
    : mul(policy.logProb(stopGradient(actions)), div(sub(returns, early(values)), targets.range)); // eq. 11
  const bins = trained.valueBins(inputs);
  const fit = add(bins.logProb(stopGradient(returns)), mul(bins.logProb(targets.slow), slowScale)); // eq. 10
  return {
    policy: neg(mean(mul(targets.weights, add(objective, mul(entropy, entropyScale))))),
    value: neg(mean(mul(targets.weights, fit))),
    startReturns: stopGradient(slice(returns, 0, 0, count)),
    returnLow: targets.returnLow,
    returnHigh: targets.returnHigh,
    entropy: mean(entropy),
    meanReturn: mean(returns),
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
