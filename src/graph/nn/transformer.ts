import * as op from "../operators/index.ts";
import type { Parameters } from "../parameters.ts";
import { shapeError } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { linear } from "./linear.ts";
import type { Activation } from "./mlp.ts";
import { layerNorm } from "./normalization.ts";

export interface AttentionInputs {
  readonly query: Sym;
  readonly key: Sym;
  readonly value: Sym;
  /** Added to the scores before the softmax; large negative values hide a place. */
  readonly mask?: Sym;
}

/**
 * Multi-head scaled dot-product attention with its four projections.
 *
 * Shapes: query [B, T, D], key and value [B, S, D], mask broadcast to [B, heads, T, S] → [B, T, D]
 * Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
 */
export function attention(p: Parameters, { query, key, value, mask }: AttentionInputs, heads: number): Sym {
  const width = query.extent(-1);
  if (query.rank !== 3 || width % heads !== 0)
    throw shapeError("Attention", `a width divisible by ${heads} heads`, [query]);
  const [batch, length] = [query.extent(0), query.extent(1)];
  const perHead = width / heads;
  const project = (name: string, x: Sym) => {
    const rows = op.reshape(linear(p.scope(name), x, width), [batch, x.extent(1), heads, perHead]);
    return op.transpose(rows, [0, 2, 1, 3]);
  };
  const [q, k, v] = [project("query", query), project("key", key), project("value", value)];
  const mixed = p.build(() => {
    const scores = op.matmul(op.mul(q, 1 / Math.sqrt(perHead)), op.transposeMatrix(k));
    const weights = op.softmax(mask ? op.add(scores, mask) : scores);
    return op.reshape(op.transpose(op.matmul(weights, v), [0, 2, 1, 3]), [batch, length, width]);
  });
  return linear(p.scope("out"), mixed, width);
}

export interface TransformerOptions {
  readonly heads: number;
  /** Units of the feed-forward layer. */
  readonly hidden: number;
  readonly activation?: Activation;
  /** Layer normalisation before each part (GPT-2), or after each sum (the original, DETR and ACT). */
  readonly norm?: "before" | "after";
  /** Added to queries and keys, not to values, as in DETR. Shape broadcast to [B, T, D]. */
  readonly position?: Sym;
  readonly mask?: Sym;
}

/** What a decoder block attends to besides its own input. */
export interface Memory {
  readonly value: Sym;
  readonly position?: Sym;
}

/**
 * Self-attention, attention to a memory if given, and a feed-forward layer, each with a residual sum.
 *
 * Shapes: x [B, T, D], memory.value [B, S, D] → [B, T, D]
 */
export function transformerBlock(p: Parameters, x: Sym, options: TransformerOptions, memory?: Memory): Sym {
  const { heads, hidden, activation = op.relu, norm = "after", position, mask } = options;
  const residual = (name: string, h: Sym, part: (h: Sym) => Sym) => {
    const scope = p.scope(`${name}Norm`);
    return p.build(() =>
      norm === "before" ? op.add(h, part(layerNorm(scope, h))) : layerNorm(scope, op.add(h, part(h))),
    );
  };
  let h = residual("self", x, (inner) => {
    const placed = at(inner, position);
    return attention(p.scope("self"), { query: placed, key: placed, value: inner, ...(mask && { mask }) }, heads);
  });
  if (memory) {
    h = residual("cross", h, (inner) => {
      const key = at(memory.value, memory.position);
      return attention(p.scope("cross"), { query: at(inner, position), key, value: memory.value }, heads);
    });
  }
  return residual("feedForward", h, (inner) => {
    const wide = activation(linear(p.scope("feedForward0"), inner, hidden));
    return linear(p.scope("feedForward1"), wide, x.extent(-1));
  });
}

function at(x: Sym, position: Sym | undefined): Sym {
  return position ? op.add(x, position) : x;
}

/** A mask that hides later places from earlier ones. Shapes: → [T, T] */
export function causalMask(like: Sym, length: number): Sym {
  const values = Array.from({ length: length * length }, (_, i) => (i % length > Math.floor(i / length) ? -1e9 : 0));
  return like.graph.constant(values, [length, length]);
}

/** Sines and cosines of falling frequency. Shapes: → [T, D]. Source: arXiv:1706.03762, section 3.5. */
export function sinusoidalPositions(like: Sym, length: number, width: number): Sym {
  const values = Array.from({ length: length * width }, (_, i) => {
    const [place, column] = [Math.floor(i / width), i % width];
    const angle = place / 10000 ** ((2 * Math.floor(column / 2)) / width);
    return column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  return like.graph.constant(values, [length, width]);
}
