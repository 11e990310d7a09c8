import { z } from "zod";
import { LatentloopError } from "../core/errors.ts";
import {
  add,
  concat,
  expand,
  type Gaussian,
  gaussian,
  nn,
  type Parameters,
  type Sym,
  slice,
  softplus,
  split,
  square,
  sub,
  sum,
} from "../graph/index.ts";
import { NO_NOISE } from "../planners/plannable-model.ts";
import { NETWORK_STYLES } from "./network-style.ts";
import { buildObservationNetworks, ObservationConfig, toBytes } from "./observation-networks.ts";
import type { ImageSyms, LatentModel, ModelSpaces, WorldModel } from "./world-model.ts";

export const VaeAgentConfig = z.strictObject({
  observation: ObservationConfig,
  code: z.int().positive().describe("numbers that stand for the images"),
  dynamics: z
    .enum(["mlp", "gru"])
    .describe("whether the next code follows from the present one alone, or from a memory too"),
  memory: z.int().positive().describe("units of the memory, for gru"),
  units: z.int().positive().describe("width of the dynamics and reward networks"),
});
export type VaeAgentConfig = z.infer<typeof VaeAgentConfig>;

/**
 * The networks of the VAE agent. Its embedding is the code of the images and the proprioception as it is; its latent is the
 * embedding, and behind it the memory, where there is one.
 */
export interface VaeAgentModel extends LatentModel {
  /** What the images may stand for. Shapes: images [N, Y, X, 3] → [N, code] */
  posterior(images: ImageSyms): Gaussian;
  /** Shapes: code [N, code] → [N, Y, X, 3] each, 0 is black and 1 white */
  paint(code: Sym): ImageSyms;
  /** Reward on reaching an observation. Shapes: embedding [N, E] → [N, 1] */
  rewardOf(embedding: Sym): Sym;
}

/** Keeps the divergence from the prior finite. */
const LEAST_DEVIATION = 1e-2;
const { activation, normalization, layer } = NETWORK_STYLES.normalized;

/**
 * A β-VAE of the images, and dynamics and reward on its codes: the first kind of latent world model, planned in by shooting.
 *
 * Source: Kingma and Welling 2014, arXiv:1312.6114; Higgins et al. 2017 (β-VAE); dynamics on fixed codes as in Ha and Schmidhuber 2018,
 * arXiv:1803.10122. Differs: docs/algorithms.md.
 */
export const vaeAgent: WorldModel<VaeAgentConfig> = {
  title: "VAE agent: codes of a variational autoencoder, latent dynamics, shooting",
  decodes: true,
  config: VaeAgentConfig,
  defaults: {
    observation: {
      images: "keypoints",
      channels: 16,
      keypoints: 32,
      embedding: 64,
      layers: 0,
      units: 64,
      squash: false,
    },
    code: 32,
    dynamics: "mlp",
    memory: 64,
    units: 96,
  },
  build: buildVaeAgent,
};

/** @throws ERR_INVALID_ARGUMENT without a camera, or if images have another size than 64 × 64 */
export function buildVaeAgent(parameters: Parameters, spaces: ModelSpaces, config: VaeAgentConfig): VaeAgentModel {
  const { proprioceptionSize, actionSize } = spaces;
  if (spaces.cameras.length === 0) {
    throw new LatentloopError("ERR_INVALID_ARGUMENT", "Expected a camera for the VAE agent but received none.");
  }
  const sight = { ...spaces, proprioceptionSize: 0 };
  const observation = buildObservationNetworks(parameters, sight, config.observation, "normalized");
  const embeddingSize = config.code + proprioceptionSize;
  const memorySize = config.dynamics === "gru" ? config.memory : 0;
  const network = { activation, layer, ...(normalization && { normalization }), hidden: [config.units, config.units] };

  const posterior = (images: ImageSyms) => {
    const both = nn.linear(
      parameters.scope("posterior"),
      observation.encode(images, undefined),
      2 * config.code,
      layer,
    );
    const [mean, raw] = split(both, [config.code, config.code]) as [Sym, Sym];
    return gaussian(mean, add(softplus(raw), LEAST_DEVIATION));
  };
  const seenIn = (latent: Sym) => (memorySize === 0 ? latent : slice(latent, 1, 0, embeddingSize));
  const remember = (latent: Sym, action: Sym) => {
    const memory = slice(latent, 1, embeddingSize);
    return nn.gruCell(parameters.scope("memory"), concat([seenIn(latent), action]), memory);
  };
  const predict = (latent: Sym, action: Sym) => {
    const seen = seenIn(latent);
    const memory = memorySize === 0 ? undefined : remember(latent, action);
    const cause = memory ? concat([seen, action, memory]) : concat([seen, action]);
    const change = nn.mlp(parameters.scope("dynamics"), cause, { ...network, output: embeddingSize });
    return { seen: add(seen, change), memory };
  };
  const joined = (seen: Sym, memory: Sym | undefined) => (memory ? concat([seen, memory]) : seen);
  const rewardOf = (embedding: Sym) => nn.mlp(parameters.scope("reward"), embedding, { ...network, output: 1 });
  const paint = (code: Sym) => observation.decodeImages(code);

  return {
    latentSize: embeddingSize + memorySize,
    actionSize,
    embeddingSize,
    noiseSizes: NO_NOISE,
    posterior,
    paint,
    rewardOf,
    encode: (images, proprioception) => joined(posterior(images).mean, proprioception),
    begin: (embedding) =>
      memorySize === 0
        ? embedding
        : concat([embedding, expand(embedding.graph.scalar(0), [embedding.extent(0), memorySize])]),
    observe: (latent, action, embedding) => {
      const { seen, memory } = predict(latent, action);
      return { latent: joined(embedding, memory), surprise: sum(square(sub(embedding, seen)), 1) };
    },
    next: (latent, action) => {
      const { seen, memory } = predict(latent, action);
      return joined(seen, memory);
    },
    reward: (_latent, _action, next) => rewardOf(seenIn(next)),
    decode: (latent) => toBytes(paint(slice(latent, 1, 0, config.code))),
  };
}
