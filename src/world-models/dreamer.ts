import { z } from "zod";
import {
  add,
  clip,
  expandDims,
  type Gaussian,
  gaussian,
  mul,
  nn,
  type Parameters,
  reshape,
  type Sym,
  sigmoid,
  split,
  type TwoHot,
  tanh,
  twoHot,
  varianceScaling,
  zeros,
} from "../graph/index.ts";
import { NETWORK_STYLES } from "./network-style.ts";
import {
  buildObservationNetworks,
  ObservationConfig,
  type ObservationNetworks,
  toBytes,
} from "./observation-networks.ts";
import { buildRssm, packState, type Rssm, RssmConfig, unpackState } from "./rssm.ts";
import type { LatentModel, ModelSpaces, WorldModel } from "./world-model.ts";

export const DreamerConfig = z.strictObject({
  rssm: RssmConfig,
  observation: ObservationConfig,
  units: z.int().positive().describe("width of the heads, the actor and the critic"),
  headLayers: z.int().nonnegative().describe("hidden layers of reward and continuation"),
  actorLayers: z.int().nonnegative(),
  criticLayers: z.int().nonnegative(),
  rewardHead: z
    .enum(["two-hot", "gaussian"])
    .describe("rewards as distributions over bins, or as the means of normal ones of unit variance"),
  bins: z.int().positive().describe("places of the distributions over rewards and values"),
  binLimit: z.number().positive().describe("outermost place on the symlog scale"),
  minStd: z.number().positive().describe("smallest standard deviation of an action"),
  maxStd: z.number().positive(),
});
export type DreamerConfig = z.infer<typeof DreamerConfig>;

/** A number as it is predicted. Shapes: numbers [N] */
export interface PredictedNumber {
  mean(): Sym;
  logProb(value: Sym): Sym;
}

/** The networks of DreamerV3. `features` are a packed state; so is the bundle's latent. */
export interface DreamerModel extends LatentModel {
  readonly rssm: Rssm;
  readonly observation: ObservationNetworks;
  /** Reward on reaching a state. Shapes: features [N, F] → of [N] */
  rewardOf(features: Sym): PredictedNumber;
  /** The reward read off one embedding, for training alone. Shapes: [N, E] → [N, 1] */
  rewardOfFrame(embedding: Sym): Sym;
  /** Return from a state on. Shapes: → of [N] */
  valueBins(features: Sym): TwoHot;
  /** The same by the critic's slowly moving copy. */
  slowValueBins(features: Sym): TwoHot;
  /** Log-odds that the episode goes on after a state. Shapes: → [N, 1] */
  continuationLogits(features: Sym): Sym;
  /** Actions before they are limited to [-1, 1]. Shapes: of [N, A] */
  actor(features: Sym): Gaussian;
}

/** The deviation's raw output is shifted so that it starts near the largest. */
const STD_SHIFT = 2;
const ACTOR_OUTPUT = { initializer: varianceScaling({ scale: 0.01 ** 2 }), biasInitializer: zeros };
/** Predicted rewards and values are zero at first. */
const BARE = { initializer: zeros, biasInitializer: zeros };

/** @throws ERR_INVALID_ARGUMENT if there is nothing to sense, or if images have another size than 64 × 64 */
export function buildDreamer(parameters: Parameters, spaces: ModelSpaces, config: DreamerConfig): DreamerModel {
  const { units, bins, binLimit, minStd, maxStd } = config;
  const { actionSize } = spaces;
  const network = NETWORK_STYLES[config.rssm.style];
  const rssm = buildRssm(parameters.scope("rssm"), config.rssm, spaces.proprioceptionSize);
  const observation = buildObservationNetworks(
    parameters,
    spaces,
    config.observation,
    config.rssm.style,
    config.rssm.known !== undefined,
  );
  const binning = { low: -binLimit, high: binLimit, space: "raw" } as const;
  const hidden = (layers: number) => ({ ...network, hidden: new Array<number>(layers).fill(units) });
  const values = (p: Parameters, features: Sym) =>
    twoHot(nn.mlp(p, features, { ...hidden(config.criticLayers), output: bins, outputLayer: BARE }), binning);

  const rewardOf = (features: Sym): PredictedNumber => {
    const head = (output: number) =>
      nn.mlp(parameters.scope("reward"), features, { ...hidden(config.headLayers), output, outputLayer: BARE });
    if (config.rewardHead === "two-hot") return twoHot(head(bins), binning);
    const mean = reshape(head(1), [-1]);
    const { logProb } = gaussian(mean, features.graph.scalar(1), 0);
    return { mean: () => mean, logProb };
  };
  const rewardOfFrame = (embedding: Sym) =>
    nn.mlp(parameters.scope("frameReward"), embedding, { ...hidden(config.headLayers), output: 1 });
  const valueBins = (features: Sym) => values(parameters.scope("critic"), features);
  const continuationLogits = (features: Sym) =>
    nn.mlp(parameters.scope("continuation"), features, { ...hidden(config.headLayers), output: 1 });
  const actor = (features: Sym): Gaussian => {
    const options = { ...hidden(config.actorLayers), output: 2 * actionSize, outputLayer: ACTOR_OUTPUT };
    const [mean, raw] = split(nn.mlp(parameters.scope("actor"), features, options), [actionSize, actionSize]) as [
      Sym,
      Sym,
    ];
    const deviation = add(mul(sigmoid(add(raw, STD_SHIFT)), maxStd - minStd), minStd);
    return gaussian(tanh(mean), deviation);
  };

  return {
    rssm,
    observation,
    rewardOf,
    rewardOfFrame,
    valueBins,
    slowValueBins: (features) => values(parameters.target().scope("critic"), features),
    continuationLogits,
    actor,
    ...latentModelOf(rssm, observation, actionSize),
    noiseSizes: { next: 0, value: 0, policy: actionSize },
    reward: (_latent, _action, next) => expandDims(rewardOf(next).mean(), 1),
    value: (latent) => expandDims(valueBins(latent).mean(), 1),
    continuation: (next) => sigmoid(continuationLogits(next)),
    policy: (latent, noise) => {
      const action = actor(latent);
      return noise ? clip(action.sample(noise), -1, 1) : action.mode();
    },
  };
}

/** An RSSM and its observations as the bundle contract uses them: beliefs and predictions are the most likely ones. */
export function latentModelOf(
  rssm: Rssm,
  observation: ObservationNetworks,
  actionSize: number,
): Omit<LatentModel, "reward" | "noiseSizes"> {
  const believe = (latent: Sym, action: Sym, embedding: Sym) => {
    const observed = rssm.observe(unpackState(rssm, latent), action, embedding);
    const expected = rssm.prior(observed.deter, observed.before);
    const surprise = rssm.distribution(observed.statistics).kl(rssm.distribution(expected));
    return { latent: packState(observed), surprise };
  };
  return {
    latentSize: rssm.latentSize,
    actionSize,
    embeddingSize: observation.embeddingSize,
    encode: (images, proprioception) => observation.encode(images, proprioception),
    begin: (embedding) => {
      const rows = embedding.extent(0);
      const nothing = embedding.graph.constant(new Float32Array(rows * actionSize), [rows, actionSize]);
      return packState(rssm.observe(rssm.initial(rows), nothing, embedding));
    },
    observe: believe,
    next: (latent, action) => packState(rssm.imagine(unpackState(rssm, latent), action)),
    decode: (latent) => toBytes(observation.decodeImages(latent)),
  };
}

const CPU_OBSERVATION = {
  images: "keypoints",
  channels: 16,
  keypoints: 32,
  embedding: 64,
  layers: 1,
  units: 64,
  squash: false,
} satisfies ObservationConfig;

/** A size for one CPU core: small enough that images, imagination and updates keep pace with a robot's data. */
const CPU: DreamerConfig = {
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
  observation: CPU_OBSERVATION,
  units: 96,
  headLayers: 2,
  actorLayers: 2,
  criticLayers: 2,
  rewardHead: "gaussian",
  bins: 127,
  binLimit: 10,
  minStd: 0.1,
  maxStd: 1,
};

/** Published sizes differ in these three numbers alone: everything else follows. */
function published(deter: number, hidden: number, classes: number): DreamerConfig {
  return {
    rssm: {
      deter,
      hidden,
      latent: { kind: "categorical", groups: 32, classes, unimix: 0.01 },
      core: { kind: "block-gru", blocks: 8 },
      priorLayers: 2,
      posteriorLayers: 1,
      style: "normalized",
    },
    observation: {
      images: "convolutions",
      channels: classes,
      keypoints: 32,
      embedding: hidden,
      layers: 3,
      units: hidden,
      squash: true,
    },
    units: hidden,
    headLayers: 1,
    actorLayers: 3,
    criticLayers: 3,
    rewardHead: "two-hot",
    bins: 255,
    binLimit: 20,
    minStd: 0.1,
    maxStd: 1,
  };
}

/** Source: the published code's presets of the same names. */
export const DREAMER_V3_SIZES = {
  cpu: CPU,
  size1m: published(512, 64, 4),
  size12m: published(2048, 256, 16),
  size25m: published(3072, 384, 24),
  size50m: published(4096, 512, 32),
  size100m: published(6144, 768, 48),
  size200m: published(8192, 1024, 64),
  size400m: published(12288, 1536, 96),
} as const satisfies Record<string, DreamerConfig>;
export type DreamerV3Size = keyof typeof DREAMER_V3_SIZES;

/**
 * DreamerV3's world model with its actor and critic.
 *
 * Source: Hafner et al. 2023, arXiv:2301.04104. Differs: docs/algorithms.md.
 */
export const dreamerV3: WorldModel<DreamerConfig> = {
  title: "DreamerV3: categorical latents, actor-critic in imagination",
  decodes: true,
  config: DreamerConfig,
  defaults: DREAMER_V3_SIZES.cpu,
  build: buildDreamer,
};
