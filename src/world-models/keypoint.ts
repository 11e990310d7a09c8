import { z } from "zod";
import { LatentloopError } from "../core/errors.ts";
import {
  add,
  cast,
  clip,
  concat,
  conv2d,
  convTranspose2d,
  gemm,
  layerNorm,
  linear,
  mul,
  ones,
  type Parameters,
  relu,
  reshape,
  round,
  type Sym,
  silu,
  softmax,
  square,
  sub,
  sum,
  tanh,
  transpose,
  varianceScaling,
  zeros,
} from "../graph/index.ts";
import { NO_NOISE } from "../planners/plannable-model.ts";
import type { ImageSyms, LatentModel, ModelSpaces, WorldModel } from "./world-model.ts";

export const KeypointConfig = z.strictObject({
  keypoints: z.int().positive().describe("points that each camera's encoder finds"),
  channels: z.int().positive().describe("filters of the first convolution"),
  embedding: z.int().positive().describe("numbers that the points of all cameras are merged into"),
  units: z.int().positive().describe("width of the dynamics and reward networks"),
});
export type KeypointConfig = z.infer<typeof KeypointConfig>;

/** Side of the only image that the convolutions below fit: 64 → 31 → 14 on the way in, 6 → 14 → 30 → 64 on the way out. */
export const IMAGE_SIZE = 64;
const KERNEL = 4;
const DECODER_SEED = { side: 6, channels: 32 };
const DECODER_LAYERS = [
  { filters: 32, kernel: 4 },
  { filters: 16, kernel: 4 },
  { filters: 3, kernel: 6 },
];

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
 * Source: spatial softmax by Finn et al. 2016, arXiv:1509.06113, eq. 1; dynamics and reward as in Hansen et al. 2022,
 * arXiv:2203.04955. Differs: no value function, the latent holds the proprioception as it is.
 */
export const keypoint: WorldModel<KeypointConfig> = {
  title: "keypoint encoder trained by reward, residual latent dynamics",
  decodes: true,
  config: KeypointConfig,
  defaults: { keypoints: 32, channels: 16, embedding: 32, units: 128 },
  build: buildKeypointModel,
};

/** @throws ERR_INVALID_ARGUMENT if a camera's images have another size than 64×64 */
export function buildKeypointModel(parameters: Parameters, spaces: ModelSpaces, config: KeypointConfig): KeypointModel {
  requireImageSize(spaces);
  const { cameras, proprioceptionSize, actionSize } = spaces;
  const latentSize = config.embedding + proprioceptionSize;

  const encode = (images: ImageSyms, proprioception: Sym) => {
    const encoder = parameters.scope("encoder");
    const points = cameras.map(({ name }) => imagePoints(encoder.scope(name), images[name]!, config));
    const seen = tanh(dense(encoder.scope("merge"), concat(points), config.embedding));
    return concat([seen, proprioception]);
  };
  const next = (latent: Sym, action: Sym) =>
    add(latent, perceptron(parameters.scope("dynamics"), concat([latent, action]), config.units, latentSize));
  const rewardOf = (latent: Sym) => perceptron(parameters.scope("reward"), latent, config.units, 1);
  const decodeLevels = (latent: Sym) =>
    mapImages(cameras, ({ name }) => paintImage(parameters.scope("decoder").scope(name), latent, config.units));

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

/** Where in the image each filter of the last convolution responds, as its softmax's mean position. Shapes: → [B, 2 · keypoints] */
function imagePoints(parameters: Parameters, image: Sym, { channels, keypoints }: KeypointConfig): Sym {
  const levels = sub(mul(cast(image, "float32"), 1 / 255), 0.5);
  const edges = relu(convolve(parameters.scope("conv1"), levels, channels));
  const responses = convolve(parameters.scope("conv2"), edges, keypoints);
  const [batch, height, width] = responses.shape as [number, number, number];
  const perPoint = transpose(reshape(responses, [batch, height * width, keypoints]), [0, 2, 1]);
  const attention = softmax(reshape(perPoint, [batch * keypoints, height * width]));
  const positions = gemm(attention, positionGrid(image, height, width)); // Finn et al., eq. 1
  return reshape(positions, [batch, 2 * keypoints]);
}

/** The position of every cell, x and y from -1 to 1. Shapes: → [Y · X, 2] */
function positionGrid(like: Sym, height: number, width: number): Sym {
  const positions: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) positions.push((2 * x) / (width - 1) - 1, (2 * y) / (height - 1) - 1);
  }
  return like.graph.constant(positions, [height * width, 2]);
}

/** Shapes: latent [B, L] → [B, Y, X, 3], 0 is black and 1 white */
function paintImage(parameters: Parameters, latent: Sym, units: number): Sym {
  const { side, channels } = DECODER_SEED;
  const hidden = relu(dense(parameters.scope("dense1"), latent, units));
  const seed = relu(dense(parameters.scope("dense2"), hidden, side * side * channels));
  let image = reshape(seed, [latent.extent(0), side, side, channels]);
  DECODER_LAYERS.forEach(({ filters, kernel }, i) => {
    const layer = parameters.scope(`conv${i + 1}`);
    const shape = [image.extent(3), kernel, kernel, filters];
    // Every output pixel sees a quarter of a stride-2 kernel.
    const fanIn = (image.extent(3) * kernel * kernel) / 4;
    const weight = layer.get("weight", { shape, initializer: varianceScaling(), fanIn });
    const bias = layer.get("bias", { shape: [filters], initializer: zeros });
    image = layer.build(() => convTranspose2d(image, weight, bias, { stride: 2 }));
    if (i < DECODER_LAYERS.length - 1) image = relu(image);
  });
  return add(image, 0.5);
}

function convolve(parameters: Parameters, image: Sym, filters: number): Sym {
  const shape = [KERNEL, KERNEL, image.extent(3), filters];
  const weight = parameters.get("weight", { shape, initializer: varianceScaling() });
  const bias = parameters.get("bias", { shape: [filters], initializer: zeros });
  return parameters.build(() => conv2d(image, weight, bias, { stride: 2 }));
}

function dense(parameters: Parameters, x: Sym, units: number): Sym {
  const weight = parameters.get("weight", { shape: [x.extent(-1), units], initializer: varianceScaling() });
  const bias = parameters.get("bias", { shape: [units], initializer: zeros });
  return parameters.build(() => linear(x, weight, bias));
}

/** Two hidden layers with normalised SiLU units. */
function perceptron(parameters: Parameters, x: Sym, units: number, outputs: number): Sym {
  const hidden = [1, 2].reduce((input, i) => {
    const layer = parameters.scope(`dense${i}`);
    const gain = layer.get("gain", { shape: [units], initializer: ones });
    const offset = layer.get("offset", { shape: [units], initializer: zeros });
    return silu(layerNorm(dense(layer, input, units), gain, offset));
  }, x);
  return dense(parameters.scope("out"), hidden, outputs);
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
