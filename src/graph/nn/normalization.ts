import * as op from "../operators/index.ts";
import type { Parameters } from "../parameters.ts";
import { shapeError } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { ones, zeros } from "./initializers.ts";

/** A normalisation with its own parameters, as an option of larger layers. */
export type Normalization = (p: Parameters, x: Sym) => Sym;

/** Shapes: x [..., D] → [..., D] */
export function layerNorm(p: Parameters, x: Sym, epsilon = 1e-5): Sym {
  const shape = [x.extent(-1)];
  const gain = p.get("gain", { shape, initializer: ones });
  const bias = p.get("bias", { shape, initializer: zeros });
  return p.build(() => op.layerNorm(x, gain, bias, epsilon));
}

/** Shapes: x [..., D] → [..., D] */
export function rmsNorm(p: Parameters, x: Sym, epsilon = 1e-6): Sym {
  const gain = p.get("gain", { shape: [x.extent(-1)], initializer: ones });
  return p.build(() => op.rmsNorm(x, gain, epsilon));
}

/**
 * Layer normalisation with a gain and bias per ensemble member.
 *
 * Shapes: x [E, B, D] → [E, B, D]
 */
export function ensembleLayerNorm(p: Parameters, x: Sym, epsilon = 1e-5): Sym {
  const shape = [x.extent(0), 1, x.extent(-1)];
  const gain = p.get("gain", { shape, initializer: ones, fanIn: 1 });
  const bias = p.get("bias", { shape, initializer: zeros, fanIn: 1 });
  return p.build(() => op.add(op.mul(op.layerNorm(x, undefined, undefined, epsilon), gain), bias));
}

/**
 * Softmax within groups of the features: a latent on a product of simplices.
 *
 * Shapes: x [..., D] → [..., D], D divisible by `groupSize`
 * Source: Hansen et al. 2023, arXiv:2310.16828, eq. 4.
 */
export function simNorm(x: Sym, groupSize = 8): Sym {
  if (x.extent(-1) % groupSize !== 0) throw shapeError("SimNorm", `a last extent divisible by ${groupSize}`, [x]);
  return op.reshape(op.softmax(op.reshape(x, [-1, groupSize])), x.shape);
}
