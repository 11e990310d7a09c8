import {
  concat,
  expandDims,
  mean,
  type Parameters,
  reshape,
  type Sym,
  slice,
  square,
  sub,
  sum,
} from "../graph/index.ts";
import { TD_MPC2_SIZES, TdMpc2Config } from "./td-mpc2-config.ts";
import { buildTdMpc2Networks, sensedSizeOf, type TdMpc2Networks, type TdMpc2Options } from "./td-mpc2-networks.ts";
import { carryTask } from "./td-mpc2-tasks.ts";
import type { LatentModel, ModelSpaces, WorldModel } from "./world-model.ts";

/**
 * TD-MPC2 as a latent model: the latent is the state, and behind it what earlier observations were sensed as, where the state
 * is made of several.
 */
export interface TdMpc2Model extends LatentModel, TdMpc2Networks {}

/**
 * TD-MPC2: a decoder-free world model of normalised latents, with an ensemble of values, rewards and values as distributions
 * over bins, and a policy prior for the planner.
 *
 * Source: Hansen et al. 2023, arXiv:2310.16828, section 3 and appendix. Differs: docs/algorithms.md.
 */
export const tdMpc2: WorldModel<TdMpc2Config> = {
  title: "TD-MPC2: latent consistency, value ensemble, planning with a policy prior",
  decodes: false,
  config: TdMpc2Config,
  defaults: TD_MPC2_SIZES.cpu,
  build: (parameters, spaces, config) =>
    config.tasks
      ? carryTask((options) => buildTdMpc2(parameters, spaces, config, options), config.tasks.actionSizes.length)
      : buildTdMpc2(parameters, spaces, config),
};

/** @throws ERR_INVALID_ARGUMENT if there is nothing to sense */
export function buildTdMpc2(
  parameters: Parameters,
  spaces: ModelSpaces,
  config: TdMpc2Config,
  options: TdMpc2Options = {},
): TdMpc2Model {
  const networks = buildTdMpc2Networks(parameters, spaces, config, options);
  const { actionSize } = spaces;
  const { latent: stateSize, frames, heads } = config;
  const sensedSize = sensedSizeOf(spaces, config);
  const embeddingSize = frames === 1 ? stateSize : sensedSize;
  const stateIn = (latent: Sym) => (frames === 1 ? latent : slice(latent, 1, 0, stateSize));
  const withMemory = (state: Sym, memory: readonly Sym[]) => (frames === 1 ? state : concat([state, ...memory]));
  /** What is believed after an observation. Shapes: past [N, (frames - 1) · F], the newest first */
  const believe = (embedding: Sym, past: Sym | undefined) => {
    if (!past) return embedding;
    const kept = (frames - 2) * sensedSize;
    const memory = kept === 0 ? [embedding] : [embedding, slice(past, 1, 0, kept)];
    return withMemory(networks.stateOf(concat([embedding, past])), memory);
  };
  const next = (latent: Sym, action: Sym) =>
    withMemory(networks.advance(stateIn(latent), action), frames === 1 ? [] : [slice(latent, 1, stateSize)]);

  return {
    ...networks,
    latentSize: stateSize + (frames - 1) * sensedSize,
    actionSize,
    embeddingSize,
    noiseSizes: { next: 0, value: actionSize + heads, policy: actionSize },
    encode: (images, proprioception) => {
      const sensed = networks.sense(images, proprioception);
      return frames === 1 ? networks.stateOf(sensed) : sensed;
    },
    begin: (embedding) =>
      believe(embedding, frames === 1 ? undefined : concat(new Array<Sym>(frames - 1).fill(embedding))),
    observe: (latent, action, embedding) => {
      const believed = believe(embedding, frames === 1 ? undefined : slice(latent, 1, stateSize));
      const expected = networks.advance(stateIn(latent), action);
      return { latent: believed, surprise: sum(square(sub(stateIn(believed), expected)), 1) };
    },
    next,
    reward: (latent, action) => expandDims(networks.rewardBins(stateIn(latent), action).mean(), 1),
    value: (latent, noise) => {
      const state = stateIn(latent);
      const { action } = networks.act(state, slice(noise!, 1, 0, actionSize));
      const choice = reshape(slice(slice(noise!, 1, actionSize), 0, 0, 1), [heads]);
      return expandDims(mean(networks.valuePair(state, action, choice), 0), 1);
    },
    policy: (latent, noise) => {
      const state = stateIn(latent);
      return noise ? networks.act(state, noise).action : networks.likeliest(state);
    },
  };
}

/** Numbers in the latent: the state, behind it earlier observations, and which task it is. */
export function latentSizeOf(spaces: ModelSpaces, config: TdMpc2Config): number {
  const { latent, frames, tasks } = config;
  return latent + (frames - 1) * sensedSizeOf(spaces, config) + (tasks?.actionSizes.length ?? 0);
}
