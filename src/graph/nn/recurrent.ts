import * as op from "../operators/index.ts";
import type { Parameters } from "../parameters.ts";
import { shapeError } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { ones, uniformFanIn } from "./initializers.ts";
import { ensembleLinear, type LayerOptions, linear } from "./linear.ts";
import type { Activation } from "./mlp.ts";
import { layerNorm, rmsNorm } from "./normalization.ts";

/**
 * Gated recurrent unit, gates in PyTorch's order (reset, update, new).
 *
 * Shapes: x [B, I], hidden [B, D] → the next hidden [B, D]
 * Source: Cho et al. 2014, arXiv:1406.1078. Differs: the reset gate is applied after the product, as in cuDNN and PyTorch.
 */
export function gruCell(p: Parameters, x: Sym, hidden: Sym): Sym {
  const [units, inputs] = [hidden.extent(-1), x.extent(-1)];
  const parameter = (name: string, shape: readonly number[]) =>
    p.get(name, { shape, initializer: uniformFanIn, fanIn: units, fanOut: 3 * units });
  const inputWeight = parameter("inputWeight", [inputs, 3 * units]);
  const hiddenWeight = parameter("hiddenWeight", [units, 3 * units]);
  const inputBias = parameter("inputBias", [3 * units]);
  const hiddenBias = parameter("hiddenBias", [3 * units]);
  return p.build(() =>
    op.gruGates(op.gemm(x, inputWeight, inputBias), op.gemm(hidden, hiddenWeight, hiddenBias), hidden),
  );
}

/**
 * Recurrent unit with layer normalisation of all gates together and an update gate that starts low, as in DreamerV2.
 *
 * Shapes: x [B, I], hidden [B, D] → the next hidden [B, D]
 * Source: Hafner et al. 2021, arXiv:2010.02193, appendix D.
 */
export function normalizedGruCell(p: Parameters, x: Sym, hidden: Sym, updateBias = -1): Sym {
  const units = hidden.extent(-1);
  const joint = linear(p.scope("gates"), op.concat([x, hidden], -1), 3 * units, { bias: false });
  const gates = layerNorm(p.scope("norm"), joint, 1e-3);
  return p.build(() => combineGates(op.split(gates, [units, units, units]) as [Sym, Sym, Sym], hidden, updateBias));
}

/** hidden moved towards tanh(reset · candidate) by the update gate. */
function combineGates([reset, candidate, update]: readonly [Sym, Sym, Sym], hidden: Sym, updateBias: number): Sym {
  const next = op.tanh(op.mul(op.sigmoid(reset), candidate));
  const share = op.sigmoid(op.add(update, updateBias));
  return op.add(hidden, op.mul(share, op.sub(next, hidden)));
}

export interface BlockGruOptions {
  readonly blocks?: number;
  /** Units that each input is projected to. */
  readonly hidden: number;
  readonly layers?: number;
  readonly activation?: Activation;
  readonly layer?: LayerOptions;
}

/**
 * The recurrent core of DreamerV3: inputs and hidden state are projected and normalised, every block of the hidden state sees
 * them and itself through block-diagonal layers, and a gated unit updates it.
 *
 * Shapes: inputs each [B, ...], hidden [B, D] → the next hidden [B, D], D divisible by `blocks`
 * Source: Hafner et al. 2023, arXiv:2301.04104, appendix B.
 */
export function blockGruCell(p: Parameters, inputs: readonly Sym[], hidden: Sym, options: BlockGruOptions): Sym {
  const { blocks = 8, layers = 1, activation = op.silu, layer = {} } = options;
  const [rows, units] = [hidden.extent(0), hidden.extent(-1)];
  const perBlock = units / blocks;
  if (!Number.isInteger(perBlock))
    throw shapeError("BlockGru", `a hidden state divisible by ${blocks} blocks`, [hidden]);
  const projected = [hidden, ...inputs].map((x, i) => {
    const scope = p.scope(`in${i}`);
    return scope.build(() => activation(rmsNorm(scope.scope("norm"), linear(scope, x, options.hidden, layer))));
  });
  return p.build(() => {
    // Blocks lead, [blocks, B, units of a block], so that each layer is one batched product without transposes.
    const before = op.transpose(op.reshape(hidden, [rows, blocks, perBlock]), [1, 0, 2]);
    const shared = op.concat(projected, -1);
    let h = op.concat([before, op.expand(op.expandDims(shared, 0), [blocks, rows, shared.extent(-1)])], -1);
    for (let i = 0; i < layers; i++) {
      const scope = p.scope(`hidden${i}`);
      h = activation(blockRmsNorm(scope.scope("norm"), ensembleLinear(scope, h, blocks, perBlock, layer)));
    }
    const gates = op.split(ensembleLinear(p.scope("gates"), h, blocks, 3 * perBlock, layer), [
      perBlock,
      perBlock,
      perBlock,
    ]);
    const after = combineGates(gates as [Sym, Sym, Sym], before, -1);
    return op.reshape(op.transpose(after, [1, 0, 2]), [rows, units]);
  });
}

/** Shapes: x [blocks, B, U] → the same, normalised over all blocks of a row */
function blockRmsNorm(p: Parameters, x: Sym): Sym {
  const gain = p.get("gain", { shape: [x.extent(0), 1, x.extent(2)], initializer: ones, fanIn: 1 });
  return p.build(() => op.rmsNorm(x, gain, 1e-6, [0, 2]));
}

export interface LstmState {
  readonly hidden: Sym;
  readonly cell: Sym;
}

/**
 * Long short-term memory, gates in PyTorch's order (input, forget, cell, output), with one bias instead of its two.
 *
 * Shapes: x [B, I], hidden and cell [B, D] → the next ones
 * Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
 */
export function lstmCell(p: Parameters, x: Sym, { hidden, cell }: LstmState): LstmState {
  const units = hidden.extent(-1);
  const gates = linear(p.scope("gates"), op.concat([x, hidden], -1), 4 * units);
  return p.build(() => {
    const [input, forget, candidate, output] = op.split(gates, [units, units, units, units]) as [Sym, Sym, Sym, Sym];
    const kept = op.mul(op.sigmoid(forget), cell);
    const next = op.add(kept, op.mul(op.sigmoid(input), op.tanh(candidate)));
    return { hidden: op.mul(op.sigmoid(output), op.tanh(next)), cell: next };
  });
}
