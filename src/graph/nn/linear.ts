import { elementCount } from "../../core/tensor.ts";
import * as op from "../operators/index.ts";
import type { Parameters } from "../parameters.ts";
import type { Sym } from "../sym.ts";
import { type Initializer, uniformFanIn } from "./initializers.ts";

export interface LayerOptions {
  readonly bias?: boolean;
  readonly initializer?: Initializer;
  readonly biasInitializer?: Initializer;
}

/** Parameters `weight` and, unless switched off, `bias` of a layer with PyTorch's default start values. */
export function weightAndBias(
  p: Parameters,
  shape: readonly number[],
  biasShape: readonly number[],
  fanIn: number,
  fanOut: number,
  options: LayerOptions,
): [weight: Sym, bias: Sym | undefined] {
  const { bias = true, initializer = uniformFanIn, biasInitializer = uniformFanIn } = options;
  return [
    p.get("weight", { shape, initializer, fanIn, fanOut }),
    bias ? p.get("bias", { shape: biasShape, initializer: biasInitializer, fanIn, fanOut }) : undefined,
  ];
}

/**
 * Fully connected layer over the last axis.
 *
 * Shapes: x [..., I] → [..., units]
 */
export function linear(p: Parameters, x: Sym, units: number, options: LayerOptions = {}): Sym {
  const inputs = x.extent(-1);
  const [weight, bias] = weightAndBias(p, [inputs, units], [units], inputs, units, options);
  return p.build(() => op.linear(x, weight, bias));
}

/**
 * A fully connected layer per ensemble member, all in one batched product.
 *
 * Shapes: x [B, I] seen by all members, or [E, B, I] → [E, B, units]
 */
export function ensembleLinear(p: Parameters, x: Sym, members: number, units: number, options: LayerOptions = {}): Sym {
  const inputs = x.extent(-1);
  const [weight, bias] = weightAndBias(p, [members, inputs, units], [members, 1, units], inputs, units, options);
  return p.build(() => op.ensembleLinear(x.rank === 2 ? op.expandDims(x, 0) : x, weight, bias));
}

/**
 * A learned vector per class.
 *
 * Shapes: indices [...] int64 → [..., units]
 */
export function embedding(p: Parameters, indices: Sym, classes: number, units: number, initializer: Initializer): Sym {
  const table = p.get("weight", { shape: [classes, units], initializer, fanIn: classes, fanOut: units });
  return p.build(() =>
    op.reshape(op.gather(table, op.reshape(indices, [elementCount(indices.shape)])), [...indices.shape, units]),
  );
}
