import { z } from "zod";
import { nn, type Parameters, type Sym } from "../graph/index.ts";
import { NO_NOISE } from "../planners/plannable-model.ts";
import { latentModelOf } from "./dreamer.ts";
import { NETWORK_STYLES } from "./network-style.ts";
import { buildObservationNetworks, ObservationConfig, type ObservationNetworks } from "./observation-networks.ts";
import { buildRssm, type Rssm, RssmConfig } from "./rssm.ts";
import type { LatentModel, ModelSpaces, WorldModel } from "./world-model.ts";

export const PlanetConfig = z.strictObject({
  rssm: RssmConfig,
  observation: ObservationConfig,
  units: z.int().positive().describe("width of the reward's network"),
  headLayers: z.int().nonnegative().describe("hidden layers of the reward's network"),
});
export type PlanetConfig = z.infer<typeof PlanetConfig>;

/** The networks of PlaNet: an RSSM, what it shows, and its reward. */
export interface PlanetModel extends LatentModel {
  readonly rssm: Rssm;
  readonly observation: ObservationNetworks;
  /** Reward on reaching a state. Shapes: features [N, D + Z] → [N, 1] */
  rewardOf(features: Sym): Sym;
  /** The reward read off one embedding, for training alone. Shapes: [N, E] → [N, 1] */
  rewardOfFrame(embedding: Sym): Sym;
}

/** @throws ERR_INVALID_ARGUMENT if there is nothing to sense, or if images have another size than 64 × 64 */
export function buildPlanet(parameters: Parameters, spaces: ModelSpaces, config: PlanetConfig): PlanetModel {
  const { style } = config.rssm;
  const rssm = buildRssm(parameters.scope("rssm"), config.rssm, spaces.proprioceptionSize);
  const observation = buildObservationNetworks(
    parameters,
    spaces,
    config.observation,
    style,
    config.rssm.known !== undefined,
  );
  const hidden = new Array<number>(config.headLayers).fill(config.units);
  const reward = (scope: string) => (x: Sym) =>
    nn.mlp(parameters.scope(scope), x, { ...NETWORK_STYLES[style], hidden, output: 1 });
  const rewardOf = reward("reward");
  return {
    rssm,
    observation,
    rewardOf,
    rewardOfFrame: reward("frameReward"),
    ...latentModelOf(rssm, observation, spaces.actionSize),
    noiseSizes: NO_NOISE,
    reward: (_latent, _action, next) => rewardOf(next),
  };
}

/** The published size, and one for a CPU core. Source: Hafner et al. 2019, arXiv:1811.04551, appendix A. */
export const PLANET_SIZES = {
  cpu: {
    rssm: {
      deter: 64,
      hidden: 64,
      latent: { kind: "gaussian", size: 16, minDeviation: 0.1, residualPrior: true },
      known: { deviation: 0.1 },
      core: { kind: "gru" },
      priorLayers: 1,
      posteriorLayers: 1,
      style: "normalized",
    },
    observation: {
      images: "keypoints",
      channels: 16,
      keypoints: 32,
      embedding: 64,
      layers: 1,
      units: 64,
      squash: false,
    },
    units: 96,
    headLayers: 2,
  },
  published: {
    rssm: {
      deter: 200,
      hidden: 200,
      latent: { kind: "gaussian", size: 30, minDeviation: 0.1 },
      core: { kind: "gru" },
      priorLayers: 1,
      posteriorLayers: 1,
      style: "plain",
    },
    observation: {
      images: "convolutions",
      channels: 32,
      keypoints: 32,
      embedding: 200,
      layers: 2,
      units: 200,
      squash: false,
    },
    units: 200,
    headLayers: 2,
  },
} as const satisfies Record<string, PlanetConfig>;
export type PlanetSize = keyof typeof PLANET_SIZES;

/**
 * PlaNet's world model.
 *
 * Source: Hafner et al. 2019, arXiv:1811.04551. Differs: docs/algorithms.md.
 */
export const planet: WorldModel<PlanetConfig> = {
  title: "PlaNet: Gaussian recurrent state-space model, planning in latent space",
  decodes: true,
  config: PlanetConfig,
  defaults: PLANET_SIZES.cpu,
  build: buildPlanet,
};
