import type { Sym } from "../graph/index.ts";
import {
  add,
  clip,
  concat,
  expand,
  gather,
  max,
  min,
  mul,
  reshape,
  sqrt,
  square,
  sub,
  sum,
  topK,
} from "../graph/index.ts";
import { NoiseReader } from "./noise.ts";
import type { PlannableModel } from "./plannable-model.ts";
import { checkConfig, type PlannerConfig } from "./planner-config.ts";
import { imaginedReturns, policyRollouts } from "./rollout.ts";

/** What tells one sampling planner from another: how it proposes action sequences, and how it weighs the best of them. */
export interface SearchMethod {
  readonly defaults: PlannerConfig;
  /** Action sequences, not limited yet. Shapes: mean, std [H, A], noise [H, M, A] of standard normals → [H, M, A] */
  propose(mean: Sym, std: Sym, noise: Sym): Sym;
  /** Weights that add up to 1. Shapes: returns [K] in descending order → [K] */
  weigh(returns: Sym, config: PlannerConfig): Sym;
}

/** What one iteration hands to the next. Shapes: mean, std [H, A], policyActions [H, P, A] */
export interface SearchState {
  readonly mean: Sym;
  readonly std: Sym;
  readonly policyActions: Sym | undefined;
}

export interface Refinement extends SearchState {
  /** The elites' returns, weighted as their actions are. Shapes: [1] */
  readonly value: Sym;
  /** What mean and deviation were fitted to. Shapes: actions [H, K, A], weights [K] */
  readonly eliteActions: Sym;
  readonly eliteWeights: Sym;
}

export interface NoiseCounts {
  readonly start: number;
  readonly iteration: number;
}

/** How many standard normals `startSearch` and each `iterateSearch` take. */
export function noiseCounts(model: PlannableModel, config: PlannerConfig): NoiseCounts {
  const { horizon, candidates, policyCandidates } = config;
  const { next, value, policy } = model.noiseSizes;
  return {
    start: policyCandidates * (horizon * policy + (horizon - 1) * next),
    iteration:
      horizon * (candidates - policyCandidates) * model.actionSize +
      candidates * (horizon * next + (model.value ? value : 0)),
  };
}

/**
 * The state before the first iteration: the warm start, the widest proposals and the policy prior's sequences.
 *
 * Shapes: latent [1, L], previousMean [H, A] (the last plan, shifted by the time since; zeros for a cold start)
 */
export function startSearch(
  model: PlannableModel,
  latent: Sym,
  previousMean: Sym,
  noise: NoiseReader,
  config: PlannerConfig,
): SearchState {
  checkConfig(config, model);
  const { horizon, policyCandidates, maxStd } = config;
  return {
    mean: limit(previousMean, config),
    std: expand(latent.graph.scalar(maxStd), [horizon, model.actionSize]),
    policyActions: policyCandidates > 0 ? limit(policyRollouts(model, latent, noise, config), config) : undefined,
  };
}

/** One iteration: propose, imagine, keep the elites, refit mean and standard deviation to them. Shapes: latent [1, L] */
export function iterateSearch(
  method: SearchMethod,
  model: PlannableModel,
  latent: Sym,
  { mean, std, policyActions }: SearchState,
  noise: NoiseReader,
  config: PlannerConfig,
): Refinement {
  const { horizon, candidates, policyCandidates, elites, momentum, minStd, maxStd } = config;
  const normals = noise.take([horizon, candidates - policyCandidates, model.actionSize]);
  const proposed = limit(method.propose(mean, std, normals), config);
  const actions = policyActions ? concat([policyActions, proposed], 1) : proposed;
  const [returns, best] = topK(imaginedReturns(model, latent, actions, noise, config), elites);
  const eliteActions = gather(actions, best, 1); // [H, K, A]
  const weights = method.weigh(returns, config);
  const perElite = reshape(weights, [1, elites, 1]);
  const eliteMean = sum(mul(eliteActions, perElite), 1, true);
  const variance = sum(mul(square(sub(eliteActions, eliteMean)), perElite), 1);
  const refined = reshape(eliteMean, mean.shape);
  return {
    mean: momentum === 0 ? refined : add(mul(mean, momentum), mul(refined, 1 - momentum)),
    std: clip(sqrt(variance), minStd, maxStd),
    policyActions,
    value: reshape(sum(mul(returns, weights)), [1]),
    eliteActions,
    eliteWeights: weights,
  };
}

/**
 * A whole search in one graph: start and all iterations.
 *
 * Shapes: latent [1, L], previousMean [H, A], noise [start + iterations · iteration] → mean, std [H, A], value [1]
 */
export function search(
  method: SearchMethod,
  model: PlannableModel,
  latent: Sym,
  previousMean: Sym,
  noise: Sym,
  config: PlannerConfig,
): Refinement {
  const reader = new NoiseReader(noise);
  let state: SearchState = startSearch(model, latent, previousMean, reader, config);
  let result!: Refinement;
  for (let i = 0; i < config.iterations; i++) {
    state = result = iterateSearch(method, model, latent, state, reader, config);
  }
  return result;
}

/** Actions within the limits of every dimension. */
function limit(actions: Sym, { actionLow, actionHigh }: PlannerConfig): Sym {
  if (!actionLow && !actionHigh) return clip(actions, -1, 1);
  const { graph } = actions;
  const size = actions.extent(-1);
  const bound = (values: readonly number[] | undefined, otherwise: number) =>
    graph.constant(values ?? new Array<number>(size).fill(otherwise), [size]);
  return max(min(actions, bound(actionHigh, 1)), bound(actionLow, -1));
}
