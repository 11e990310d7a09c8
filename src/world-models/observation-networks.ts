import { z } from "zod";
import { LatentloopError } from "../core/errors.ts";
import {
  add,
  cast,
  clip,
  concat,
  mul,
  nn,
  type Parameters,
  reshape,
  round,
  type Sym,
  slice,
  symlog,
} from "../graph/index.ts";
import { imagePoints, paintImage } from "./keypoint.ts";
import { NETWORK_STYLES, type NetworkStyle } from "./network-style.ts";
import type { ImageSyms, ModelSpaces } from "./world-model.ts";

export const ObservationConfig = z.strictObject({
  images: z
    .enum(["convolutions", "keypoints"])
    .describe("how images are encoded: a flat feature map, or the points where filters respond"),
  channels: z.int().positive().describe("filters of the first convolution"),
  keypoints: z.int().positive().describe("points per camera"),
  embedding: z.int().positive().describe("width of the layer that merges the points of all cameras"),
  layers: z.int().nonnegative().describe("hidden layers between proprioception and embedding"),
  units: z.int().positive().describe("width of the proprioception's networks"),
  squash: z.boolean().describe("whether the proprioception is encoded and predicted as symlog"),
});
export type ObservationConfig = z.infer<typeof ObservationConfig>;

/** Side of the only image that the convolutions fit. */
export const IMAGE_SIDE = 64;
/** Filters of the four convolutions relative to the first; each halves the side, to 4 × 4. */
const DEPTHS = [1, 2, 4, 8];
const HALVING = { kernel: 4, stride: 2, padding: 1 };
const MAP_SIDE = 4;

/** What is predicted about an observation. */
export interface Reconstruction {
  /** 0 is black, 1 white. Shapes: each [N, Y, X, 3] */
  readonly images: ImageSyms;
  /** Squashed where the configuration says so. Shapes: [N, P] */
  readonly proprioception: Sym | undefined;
}

/** Networks between observations and latents. */
export interface ObservationNetworks {
  readonly embeddingSize: number;
  /** Shapes: images [N, Y, X, 3] uint8, proprioception [N, P] → [N, E] */
  encode(images: ImageSyms, proprioception: Sym | undefined): Sym;
  /** Shapes: features [N, F] */
  decodeImages(features: Sym): ImageSyms;
  /** Undefined where there is no proprioception. Shapes: features [N, F] → [N, P] */
  decodeProprioception(features: Sym): Sym | undefined;
  /** Proprioception as it is encoded and predicted. */
  squash(proprioception: Sym): Sym;
}

/**
 * @param known whether embeddings and features end with the proprioception as it is
 * @throws ERR_INVALID_ARGUMENT if there is nothing to sense, or if images have another size than 64 × 64
 */
export function buildObservationNetworks(
  parameters: Parameters,
  spaces: ModelSpaces,
  config: ObservationConfig,
  style: NetworkStyle,
  known = false,
): ObservationNetworks {
  requireSpaces(spaces);
  const { cameras, proprioceptionSize } = spaces;
  const { images: kind, channels, embedding, layers, units } = config;
  const network = NETWORK_STYLES[style];
  const hidden = new Array<number>(layers).fill(units);
  const squash = (x: Sym) => (config.squash ? symlog(x) : x);
  const encoder = parameters.scope("encoder");
  const decoder = parameters.scope("decoder");

  const encodeImages = (images: ImageSyms): Sym => {
    const perCamera = cameras.map(({ name }) => {
      const p = encoder.scope(name);
      return kind === "keypoints"
        ? imagePoints(p, images[name]!, config)
        : featureMap(p, images[name]!, channels, style);
    });
    const seen = concat(perCamera);
    return kind === "keypoints" ? nn.mlp(encoder.scope("merge"), seen, { ...network, hidden: [embedding] }) : seen;
  };
  const imageSize = kind === "keypoints" ? embedding : cameras.length * MAP_SIDE ** 2 * channels * DEPTHS.at(-1)!;
  const sensedSize = known || layers === 0 ? proprioceptionSize : units;
  const encodeProprioception = (x: Sym) =>
    known ? x : nn.mlp(encoder.scope("proprioception"), x, { ...network, hidden });
  const decodeProprioception = (features: Sym) =>
    known
      ? slice(features, 1, features.extent(1) - proprioceptionSize)
      : nn.mlp(decoder.scope("proprioception"), features, { ...network, hidden, output: proprioceptionSize });
  return {
    embeddingSize: (cameras.length > 0 ? imageSize : 0) + (proprioceptionSize > 0 ? sensedSize : 0),
    encode(images, proprioception) {
      const parts = cameras.length > 0 ? [encodeImages(images)] : [];
      if (proprioception) parts.push(encodeProprioception(squash(proprioception)));
      return concat(parts);
    },
    decodeImages: (features) =>
      Object.fromEntries(
        cameras.map(({ name }) => {
          const p = decoder.scope(name);
          const image =
            kind === "keypoints"
              ? paintImage(p, features, { decoderUnits: units, decoderChannels: channels })
              : paintFeatureMap(p, features, channels, style);
          return [name, image];
        }),
      ),
    decodeProprioception: (features) => (proprioceptionSize > 0 ? decodeProprioception(features) : undefined),
    squash,
  };
}

/** Shapes: image [N, 64, 64, 3] uint8 → [N, 4·4·8·channels] */
function featureMap(p: Parameters, image: Sym, channels: number, style: NetworkStyle): Sym {
  const { activation, normalization, layer } = NETWORK_STYLES[style];
  const map = nn.cnnEncoder(p, nn.centerImage(image), {
    layers: DEPTHS.map((depth) => ({ ...layer, ...HALVING, filters: depth * channels })),
    activation,
    ...(normalization && { normalization }),
  });
  return reshape(map, [image.extent(0), -1]);
}

/** Shapes: features [N, F] → [N, 64, 64, 3] */
function paintFeatureMap(p: Parameters, features: Sym, channels: number, style: NetworkStyle): Sym {
  const { activation, normalization, layer } = NETWORK_STYLES[style];
  const filters = [
    ...DEPTHS.slice(0, -1)
      .reverse()
      .map((depth) => depth * channels),
    3,
  ];
  const image = nn.cnnDecoder(p, features, {
    start: [MAP_SIDE, MAP_SIDE, DEPTHS.at(-1)! * channels],
    startLayer: layer,
    layers: filters.map((count) => ({ ...layer, ...HALVING, filters: count })),
    activation,
    ...(normalization && { normalization }),
  });
  return add(image, 0.5);
}

/** Painted levels as the bytes of an image. */
export function toBytes(images: ImageSyms): ImageSyms {
  return Object.fromEntries(
    Object.entries(images).map(([camera, level]) => [camera, cast(round(mul(clip(level, 0, 1), 255)), "uint8")]),
  );
}

function requireSpaces({ cameras, proprioceptionSize }: ModelSpaces): void {
  if (cameras.length === 0 && proprioceptionSize === 0) {
    throw new LatentloopError("ERR_INVALID_ARGUMENT", "Expected a camera or proprioception to sense but got neither.");
  }
  const wrong = cameras.find(({ width, height }) => width !== IMAGE_SIDE || height !== IMAGE_SIDE);
  if (wrong === undefined) return;
  throw new LatentloopError(
    "ERR_INVALID_ARGUMENT",
    `Expected images of ${IMAGE_SIDE}×${IMAGE_SIDE} but received ${wrong.width}×${wrong.height} from ${wrong.name}.`,
  );
}
