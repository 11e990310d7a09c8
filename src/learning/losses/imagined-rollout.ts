import { at, reshape, type Sym, stack } from "../../graph/index.ts";
import { packState, type Rssm, type RssmState } from "../../world-models/rssm.ts";

/** What an imagination draws from. Shapes: actions [H, N, A], states [H, N, Z] prepared by the RSSM */
export interface ImaginationNoise {
  readonly actions: Sym;
  readonly states: Sym;
}

/** States 0 … H, step by step, and the actions between them. Shapes: features [(H + 1)·N, F], actions [H·N, A] */
export interface ImaginedRollout {
  readonly features: Sym;
  readonly actions: Sym;
}

/**
 * Imagines along a policy. Gradients pass where the caller records them: through the whole chain, or not at all inside
 * `graph.withoutGradient`.
 *
 * @param choose the action in a state, with its noise [N, A]; what `limit` makes of it reaches the model
 */
export function imagineRollout(
  rssm: Rssm,
  start: RssmState,
  choose: (features: Sym, noise: Sym) => Sym,
  limit: (action: Sym) => Sym,
  noise: ImaginationNoise,
): ImaginedRollout {
  const horizon = noise.actions.extent(0);
  const features = [packState(start)];
  const actions: Sym[] = [];
  let state = start;
  for (let t = 0; t < horizon; t++) {
    const action = choose(features[t]!, at(noise.actions, t));
    state = rssm.imagine(state, limit(action), at(noise.states, t));
    actions.push(action);
    features.push(packState(state));
  }
  const rows = (parts: readonly Sym[]) => reshape(stack(parts), [parts.length * parts[0]!.extent(0), -1]);
  return { features: rows(features), actions: rows(actions) };
}
