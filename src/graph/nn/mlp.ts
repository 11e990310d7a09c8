import { silu } from "../operators/activations.ts";
import type { Parameters } from "../parameters.ts";
import type { Sym } from "../sym.ts";
import { ensembleLinear, type LayerOptions, linear } from "./linear.ts";
import { ensembleLayerNorm, type Normalization } from "./normalization.ts";

export type Activation = (x: Sym) => Sym;

export interface MlpOptions {
  /** Units of the hidden layers. */
  readonly hidden: readonly number[];
  /** Units of a last layer without normalisation or activation; none by default. */
  readonly output?: number;
  readonly activation?: Activation;
  /** Between a hidden layer's product and its activation. */
  readonly normalization?: Normalization;
  readonly layer?: LayerOptions;
  /** How the last layer differs, such as zero start values. */
  readonly outputLayer?: LayerOptions;
}

/**
 * Layers of product, normalisation and activation.
 *
 * Shapes: x [..., I] → [..., last units]
 */
export function mlp(p: Parameters, x: Sym, options: MlpOptions): Sym {
  const { hidden, output, activation = silu, normalization, layer = {}, outputLayer = layer } = options;
  return p.build(() => {
    let h = x;
    for (const [i, units] of hidden.entries()) {
      h = linear(p.scope(`linear${i}`), h, units, layer);
      if (normalization) h = normalization(p.scope(`norm${i}`), h);
      h = activation(h);
    }
    return output === undefined ? h : linear(p.scope("out"), h, output, outputLayer);
  });
}

export interface EnsembleMlpOptions extends Omit<MlpOptions, "normalization"> {
  readonly members: number;
  readonly layerNorm?: boolean;
  /** What becomes of the first layer's product before its normalisation, such as dropout. */
  readonly disturb?: (h: Sym) => Sym;
}

/**
 * Several networks of one architecture, all members in each product.
 *
 * Shapes: x [B, I] seen by all members, or [E, B, I] → [E, B, last units]
 */
export function ensembleMlp(p: Parameters, x: Sym, options: EnsembleMlpOptions): Sym {
  const { members, hidden, output, activation = silu, layerNorm = true, layer = {}, outputLayer = layer } = options;
  const { disturb } = options;
  return p.build(() => {
    let h = x;
    for (const [i, units] of hidden.entries()) {
      h = ensembleLinear(p.scope(`linear${i}`), h, members, units, layer);
      if (i === 0 && disturb) h = disturb(h);
      if (layerNorm) h = ensembleLayerNorm(p.scope(`norm${i}`), h);
      h = activation(h);
    }
    return output === undefined ? h : ensembleLinear(p.scope("out"), h, members, output, outputLayer);
  });
}
