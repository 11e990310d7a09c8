import { z } from "zod";
import { LatentloopError } from "../core/errors.ts";
import {
  add,
  cast,
  clip,
  concat,
  mul,
  type Parameters,
  relu,
  round,
  type Sym,
  square,
  sub,
  sum,
  tanh,
  varianceScaling,
} from "../graph/index.ts";
import { centerImage, cnnDecoder, conv2d, layerNorm, linear, mlp, spatialSoftmax } from "../graph/nn/index.ts";
import { NO_NOISE } from "../planners/plannable-model.ts";
import type { ImageSyms, LatentModel, ModelSpaces, WorldModel } from "./world-model.ts";

export const KeypointConfig = z.strictObject({
  channels: z.int().positive().describe("filters of an encoder's first convolution"),
  keypoints: z.int().positive().describe("points that each camera's encoder finds"),
  embedding: z.int().positive().describe("numbers that the points of all cameras are merged into"),
  units: z.int().positive().describe("width of the dynamics and reward networks"),
  decoderUnits: z.int().positive().describe("width of the decoder's hidden layer"),
  decoderChannels: z.int().positive().describe("filters of the decoder's convolutions"),
});
export type KeypointConfig = z.infer<typeof KeypointConfig>;

/** Side of the only image that the convolutions fit: 64 → 31 → 14 on the way in, 6 → 14 → 30 → 64 on the way out. */
export const IMAGE_SIZE = 64;
const KERNEL = 4;
const DECODER_START = 6;
const DECODER_KERNELS = [4, 4, 6];

/** The networks of the keypoint world model. Its latent is the embedding: what is learned from the images, then proprioception. */
export interface KeypointModel extends LatentModel {
  /** Images before they become bytes: 0 is black, 1 white. Shapes: latent [B, L] → [B, Y, X, 3] each */
  decodeLevels(latent: Sym): ImageSyms;
  /** Reward on reaching a latent. Shapes: [B, L] → [B, 1] */
  rewardOf(latent: Sym): Sym;
}

/**
 * A memoryless world model for what one frame shows: a convolutional encoder reduced to image points, residual dynamics,
 * and a reward head.
 *
 * The points generalise over target positions where a flat encoder memorises those it has seen.
 * Source: encoder after Levine et al. 2015, arXiv:1504.00702, section 5.1, and Finn et al. 2016, arXiv:1509.06113; dynamics and reward as in Hansen et al. 2022,
 * arXiv:2203.04955. Differs: no value function, the latent holds the proprioception as it is.
 */
export const keypoint: WorldModel<KeypointConfig> = {
  title: "keypoint encoder trained by reward, residual latent dynamics",
  decodes: true,
  config: KeypointConfig,
  defaults: { channels: 16, keypoints: 32, embedding: 32, units: 96, decoderUnits: 64, decoderChannels: 16 },
  build: buildKeypointModel,
};

/** @throws ERR_INVALID_ARGUMENT if a camera's images have another size than 64×64 */
export function buildKeypointModel(parameters: Parameters, spaces: ModelSpaces, config: KeypointConfig): KeypointModel {
  requireImageSize(spaces);
  const { cameras, proprioceptionSize, actionSize } = spaces;
  const latentSize = config.embedding + proprioceptionSize;

  const encode = (images: ImageSyms, proprioception: Sym | undefined) => {
    const encoder = parameters.scope("encoder");
    const points = cameras.map(({ name }) => imagePoints(encoder.scope(name), images[name]!, config));
    const seen = tanh(
      linear(encoder.scope("merge"), concat(points), config.embedding, { initializer: varianceScaling() }),
    );
    return proprioception ? concat([seen, proprioception]) : seen;
  };
  const next = (latent: Sym, action: Sym) =>
    add(latent, perceptron(parameters.scope("dynamics"), concat([latent, action]), latentSize, config));
  const rewardOf = (latent: Sym) => perceptron(parameters.scope("reward"), latent, 1, config);
  const decodeLevels = (latent: Sym) =>
    mapImages(cameras, ({ name }) => paintImage(parameters.scope("decoder").scope(name), latent, config));

  return {
    latentSize,
    actionSize,
    embeddingSize: latentSize,
    noiseSizes: NO_NOISE,
    encode,
    begin: (embedding) => embedding,
    observe: (latent, action, embedding) => ({
      latent: embedding,
      surprise: sum(square(sub(embedding, next(latent, action))), 1),
    }),
    next,
    rewardOf,
    reward: (_latent, _action, reached) => rewardOf(reached),
    decodeLevels,
    decode: (latent) => {
      const levels = decodeLevels(latent);
      return mapImages(cameras, ({ name }) => cast(round(mul(clip(levels[name]!, 0, 1), 255)), "uint8"));
    },
  };
}

function mapImages(cameras: ModelSpaces["cameras"], make: (camera: ModelSpaces["cameras"][number]) => Sym): ImageSyms {
  return Object.fromEntries(cameras.map((camera) => [camera.name, make(camera)]));
}

/** Where in the image each filter of the last convolution responds. Shapes: image [B, Y, X, 3] → [B, 2 · keypoints] */
export function imagePoints(
  parameters: Parameters,
  image: Sym,
  { channels, keypoints }: Pick<KeypointConfig, "channels" | "keypoints">,
): Sym {
  const layer = { kernel: KERNEL, stride: 2, initializer: varianceScaling() };
  const edges = relu(conv2d(parameters.scope("conv0"), centerImage(image), { ...layer, filters: channels }));
  return spatialSoftmax(conv2d(parameters.scope("conv1"), edges, { ...layer, filters: keypoints }));
}

/** Two hidden layers of normalised SiLU units. */
function perceptron(parameters: Parameters, x: Sym, output: number, { units }: KeypointConfig): Sym {
  const layer = { initializer: varianceScaling() };
  return mlp(parameters, x, { hidden: [units, units], output, normalization: layerNorm, layer });
}

/** Shapes: latent [B, L] → [B, Y, X, 3], 0 is black and 1 white */
export function paintImage(
  parameters: Parameters,
  latent: Sym,
  { decoderUnits, decoderChannels }: Pick<KeypointConfig, "decoderUnits" | "decoderChannels">,
): Sym {
  const hidden = relu(linear(parameters.scope("hidden"), latent, decoderUnits, { initializer: varianceScaling() }));
  // A kernel's stride of 2 leaves a quarter of it to every pixel.
  const layer = { stride: 2, initializer: varianceScaling({ scale: 4, fan: "out" }) } as const;
  const image = cnnDecoder(parameters, hidden, {
    start: [DECODER_START, DECODER_START, decoderChannels],
    startLayer: { initializer: varianceScaling() },
    layers: DECODER_KERNELS.map((kernel, i) => ({
      ...layer,
      kernel,
      filters: i < DECODER_KERNELS.length - 1 ? decoderChannels : 3,
    })),
  });
  return add(image, 0.5);
}

function requireImageSize({ cameras }: ModelSpaces): void {
  const wrong = cameras.find(({ width, height }) => width !== IMAGE_SIZE || height !== IMAGE_SIZE);
  if (cameras.length > 0 && wrong === undefined) return;
  const received = wrong ? `${wrong.width}×${wrong.height} from ${wrong.name}` : "no camera";
  throw new LatentloopError(
    "ERR_INVALID_ARGUMENT",
    `Expected images of ${IMAGE_SIZE}×${IMAGE_SIZE} for the keypoint world model but received ${received}.`,
  );
}
