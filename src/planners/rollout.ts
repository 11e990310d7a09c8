import type { Sym } from "../graph/index.ts";
import { abs, add, at, concat, expand, less, mul, reshape, stack, sub, sum, where } from "../graph/index.ts";
import type { NoiseReader } from "./noise.ts";
import type { PlannableModel } from "./plannable-model.ts";
import type { PlannerConfig } from "./planner-config.ts";

/** Returns beyond this are no numbers to compare: such a candidate comes last. */
const LARGEST_RETURN = 1e30;

/**
 * The discounted return of every candidate, imagined from one latent.
 *
 * G = Σ_t γ^t·p_t·(r_t - λ·u_t) + γ^H·p_H·V(z_H), with p_t the probability that the episode lasts until step t.
 * A return that is not finite counts as the worst.
 *
 * Shapes: latent [1, L], candidates [H, N, A] → [N]
 */
export function imaginedReturns(
  model: PlannableModel,
  latent: Sym,
  candidates: Sym,
  noise: NoiseReader,
  { discount, uncertaintyPenalty }: PlannerConfig,
): Sym {
  const [horizon, count, actionSize] = candidates.shape as [number, number, number];
  const visited = [expand(latent, [count, model.latentSize])];
  for (let t = 0; t < horizon; t++) {
    visited.push(model.next(visited[t]!, at(candidates, t), noise.takeRows(count, model.noiseSizes.next)));
  }
  const from = concat(visited.slice(0, -1), 0); // [H·N, L], step by step
  const to = concat(visited.slice(1), 0);
  const actions = reshape(candidates, [horizon * count, actionSize]);
  let rewards = model.reward(from, actions, to);
  if (uncertaintyPenalty > 0) {
    rewards = sub(rewards, mul(model.uncertainty!(from, actions, to), uncertaintyPenalty));
  }
  rewards = reshape(rewards, [horizon, count]);
  const lasting = model.continuation ? survival(reshape(model.continuation(to), [horizon, count])) : undefined;
  if (lasting) rewards = mul(rewards, lasting.until);
  const weights = latent.graph.constant(
    Array.from({ length: horizon }, (_, t) => discount ** t),
    [horizon, 1],
  );
  let returns = sum(mul(rewards, weights), 0);
  if (model.value) {
    const last = model.value(visited[horizon]!, noise.takeRows(count, model.noiseSizes.value));
    const value = mul(reshape(last, [count]), discount ** horizon);
    returns = add(returns, lasting ? mul(value, lasting.beyond) : value);
  }
  return where(less(abs(returns), LARGEST_RETURN), returns, -LARGEST_RETURN);
}

/**
 * Probability that the episode still lasts at each step, and after the last one.
 *
 * Shapes: continuation [H, N] → until [H, N], beyond [N]
 */
function survival(continuation: Sym): { until: Sym; beyond: Sym } {
  const [horizon, count] = continuation.shape as [number, number];
  let beyond = expand(continuation.graph.scalar(1), [count]);
  const until: Sym[] = [];
  for (let t = 0; t < horizon; t++) {
    until.push(beyond);
    beyond = mul(beyond, at(continuation, t));
  }
  return { until: stack(until), beyond };
}

/** Action sequences that the policy prior plays in imagination. Shapes: latent [1, L] → [H, P, A] */
export function policyRollouts(
  model: PlannableModel,
  latent: Sym,
  noise: NoiseReader,
  { horizon, policyCandidates }: PlannerConfig,
): Sym {
  let visited = expand(latent, [policyCandidates, model.latentSize]);
  const actions: Sym[] = [];
  for (let t = 0; t < horizon; t++) {
    const action = model.policy!(visited, noise.takeRows(policyCandidates, model.noiseSizes.policy));
    actions.push(action);
    if (t < horizon - 1) {
      visited = model.next(visited, action, noise.takeRows(policyCandidates, model.noiseSizes.next));
    }
  }
  return stack(actions);
}
