import { elementCount, type Shape } from "../../core/tensor.ts";
import * as op from "../operators/index.ts";
import type { Parameters } from "../parameters.ts";
import { shapeError } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { type ConvLayerOptions, conv2d, convTranspose2d } from "./convolution.ts";
import { type LayerOptions, linear } from "./linear.ts";
import type { Activation } from "./mlp.ts";
import type { Normalization } from "./normalization.ts";

export interface ImageNetOptions {
  readonly layers: readonly ConvLayerOptions[];
  readonly activation?: Activation;
  readonly normalization?: Normalization;
}

/**
 * Bytes to floats around zero, as networks take them.
 *
 * Shapes: image [...] uint8 → [...] float32 in [-0.5, 0.5]
 */
export function centerImage(image: Sym): Sym {
  return op.sub(op.mul(op.cast(image, "float32"), 1 / 255), 0.5);
}

/**
 * Convolutions, each with normalisation and activation; the last feature map is not flattened.
 *
 * Shapes: x [N, Y, X, C] → [N, y, x, F]
 */
export function cnnEncoder(p: Parameters, x: Sym, options: ImageNetOptions): Sym {
  const { layers, activation = op.relu, normalization } = options;
  return p.build(() => {
    let h = x;
    for (const [i, layer] of layers.entries()) {
      h = conv2d(p.scope(`conv${i}`), h, layer);
      if (normalization) h = normalization(p.scope(`norm${i}`), h);
      h = activation(h);
    }
    return h;
  });
}

export interface ImageDecoderOptions extends ImageNetOptions {
  /** Feature map [y, x, F] that the first layer makes from the vector. */
  readonly start: readonly [number, number, number];
  readonly startLayer?: LayerOptions;
}

/**
 * A fully connected layer to a small feature map, then transposed convolutions, the last one bare.
 *
 * Shapes: x [N, D] → [N, Y, X, C]
 */
export function cnnDecoder(p: Parameters, x: Sym, options: ImageDecoderOptions): Sym {
  const { layers, start, activation = op.relu, normalization, startLayer = {} } = options;
  return p.build(() => {
    const flat = linear(p.scope("start"), x, elementCount(start), startLayer);
    let h = op.reshape(flat, [x.extent(0), ...start]);
    for (const [i, layer] of layers.entries()) {
      h = convTranspose2d(p.scope(`conv${i}`), h, layer);
      if (i === layers.length - 1) return h;
      if (normalization) h = normalization(p.scope(`norm${i}`), h);
      h = activation(h);
    }
    return h;
  });
}

/**
 * Where each channel is active: the mean position under a softmax over the image, in [-1, 1].
 *
 * Shapes: x [N, Y, X, C] → [N, 2 · C], as x and y of the first channel, of the second …
 * Source: Levine et al. 2015, arXiv:1504.00702, section 5.1.
 */
export function spatialSoftmax(x: Sym, temperature = 1): Sym {
  if (x.rank !== 4) throw shapeError("SpatialSoftmax", "a feature map [N, Y, X, C]", [x]);
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  const logits = op.reshape(op.transpose(x, [0, 3, 1, 2]), [n * channels, height * width]);
  const attention = op.softmax(temperature === 1 ? logits : op.mul(logits, 1 / temperature));
  return op.reshape(op.gemm(attention, positions(x, height, width)), [n, 2 * channels]);
}

/** Shapes: → [Y · X, 2], columns x and y */
function positions(like: Sym, height: number, width: number): Sym {
  const spread = (i: number, count: number) => (count === 1 ? 0 : (2 * i) / (count - 1) - 1);
  const places = Array.from({ length: height * width }, (_, i) => [
    spread(i % width, width),
    spread(Math.floor(i / width), height),
  ]);
  const shape: Shape = [height * width, 2];
  return like.graph.constant(places.flat(), shape);
}
