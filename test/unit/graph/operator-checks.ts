import fc from "fast-check";
import type { Shape } from "../../../src/core/tensor.ts";
import * as op from "../../../src/graph/operators/index.ts";
import type { Sym } from "../../../src/graph/sym.ts";

/** A random application of one operator, to be differentiated numerically. */
export interface OperatorCase {
  readonly shapes: readonly Shape[];
  readonly apply: (...operands: Sym[]) => Sym;
}

export interface OperatorCheck {
  readonly operator: string;
  readonly cases: fc.Arbitrary<OperatorCase>;
  /** Where the operator has kinks or poles, values that keep away from them; `distinct` are 0.025 off multiples of 0.05. */
  readonly values?: "normal" | "distinct" | "positive";
}

const extent = fc.integer({ min: 1, max: 4 });
const anyShape = fc.array(extent, { minLength: 1, maxLength: 4 });
const axisOf = (shape: Shape) => fc.integer({ min: -shape.length, max: shape.length - 1 });

const unary = (
  operator: string,
  apply: (x: Sym) => Sym,
  values: OperatorCheck["values"] = "normal",
): OperatorCheck => ({
  operator,
  values,
  cases: anyShape.map((shape) => ({ shapes: [shape], apply })),
});

/** Two shapes that broadcast: some extents of each set to 1, leading ones dropped from the second. */
const broadcasting = anyShape.chain((shape) =>
  fc
    .tuple(
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
      fc.nat(shape.length - 1),
      fc.boolean(),
    )
    .map(([onesA, onesB, drop, swap]) => {
      const a = shape.map((n, i) => (onesA[i] ? 1 : n));
      const b = shape.map((n, i) => (onesB[i] ? 1 : n)).slice(drop);
      return swap ? [b, a] : [a, b];
    }),
);

const binary = (
  operator: string,
  apply: (a: Sym, b: Sym) => Sym,
  values: OperatorCheck["values"] = "normal",
): OperatorCheck => ({
  operator,
  values,
  cases: broadcasting.map((shapes) => ({ shapes, apply: apply as OperatorCase["apply"] })),
});

const alongAxis = (
  operator: string,
  apply: (x: Sym, axis: number) => Sym,
  values: OperatorCheck["values"] = "normal",
): OperatorCheck => ({
  operator,
  values,
  cases: anyShape.chain((shape) =>
    axisOf(shape).map((axis) => ({ shapes: [shape], apply: (x: Sym) => apply(x, axis) })),
  ),
});

const reduction = (
  operator: string,
  reduce: (x: Sym, axes?: readonly number[], keepDims?: boolean) => Sym,
  values: OperatorCheck["values"] = "normal",
): OperatorCheck => ({
  operator,
  values,
  cases: anyShape.chain((shape) =>
    fc
      .tuple(
        fc.subarray(
          shape.map((_, i) => i),
          { minLength: 1 },
        ),
        fc.boolean(),
        fc.boolean(),
      )
      .map(([axes, keepDims, all]) => ({
        shapes: [shape],
        apply: (x: Sym) => reduce(x, all ? undefined : axes, keepDims),
      })),
  ),
});

const image = fc.record({
  n: fc.integer({ min: 1, max: 2 }),
  kernelY: fc.integer({ min: 1, max: 4 }),
  kernelX: fc.integer({ min: 1, max: 4 }),
  stride: fc.integer({ min: 1, max: 3 }),
  padding: fc.integer({ min: 0, max: 1 }),
  extraY: fc.integer({ min: 0, max: 3 }),
  extraX: fc.integer({ min: 0, max: 3 }),
  channels: extent,
  filters: extent,
  bias: fc.boolean(),
});

type Convolution = (x: Sym, weight: Sym, bias: Sym | undefined, options: op.ConvTransposeOptions) => Sym;

const convolution = (operator: string, apply: Convolution): OperatorCheck => ({
  operator,
  cases: image.map((c) => ({
    shapes: [
      [c.n, c.kernelY + c.extraY, c.kernelX + c.extraX, c.channels],
      [c.kernelY, c.kernelX, c.channels, c.filters],
      ...(c.bias ? [[c.filters]] : []),
    ],
    apply: (x, weight, bias) => apply(x!, weight!, bias, c),
  })),
});

const transposedConvolution = (operator: string, apply: Convolution): OperatorCheck => ({
  operator,
  cases: image
    .filter((c) => c.kernelY > 2 * c.padding && c.kernelX > 2 * c.padding)
    .map((c) => ({
      shapes: [
        [c.n, 1 + c.extraY, 1 + c.extraX, c.channels],
        [c.channels, c.kernelY, c.kernelX, c.filters],
        ...(c.bias ? [[c.filters]] : []),
      ],
      apply: (x, weight, bias) => {
        const outputPadding = c.stride > 1 ? c.padding : 0;
        return apply(x!, weight!, bias, { stride: c.stride, padding: c.padding, outputPadding });
      },
    })),
});

const matrices = fc.record({
  m: extent,
  k: extent,
  n: extent,
  batch: fc.array(extent, { maxLength: 2 }),
  flags: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
});
const rows = fc.tuple(fc.array(extent, { minLength: 1, maxLength: 2 }), fc.integer({ min: 2, max: 5 }));

/** A fixed pseudo-random index below `bound` for each place. */
const indicesFor = (count: number, bound: number, seed: number) =>
  Array.from({ length: count }, (_, i) => (i * 7 + seed * 13 + 5) % bound);

export const OPERATOR_CHECKS: readonly OperatorCheck[] = [
  binary("Add", op.add),
  binary("Sub", op.sub),
  binary("Mul", op.mul),
  binary("Div", op.div, "positive"),
  binary("Max", op.max, "distinct"),
  binary("Min", op.min, "distinct"),
  unary("Neg", op.neg),
  unary("Square", op.square),
  unary("Pow", (x) => op.pow(x, 1.7), "positive"),
  unary("Exp", op.exp),
  unary("Log", op.log, "positive"),
  unary("Sqrt", op.sqrt, "positive"),
  unary("Reciprocal", op.reciprocal, "positive"),
  unary("Abs", op.abs, "distinct"),
  unary("Sin", op.sin),
  unary("Cos", op.cos),
  unary("Erf", op.erf),
  unary("Symlog", op.symlog, "distinct"),
  unary("Symexp", op.symexp, "distinct"),
  unary("Tanh", op.tanh),
  unary("Sigmoid", op.sigmoid),
  unary("Softplus", op.softplus),
  unary("Relu", op.relu, "distinct"),
  unary("LeakyRelu", (x) => op.leakyRelu(x, 0.2), "distinct"),
  unary("Elu", op.elu, "distinct"),
  unary("Silu", op.silu),
  unary("Gelu", op.gelu),
  unary("Mish", op.mish),
  unary("Clip", (x) => op.clip(x, -0.5, 0.7), "distinct"),
  {
    operator: "Where",
    cases: broadcasting.map((shapes) => ({
      shapes,
      apply: (a, b) => {
        const mask = indicesFor(b!.size, 2, 3);
        return op.where(a!.graph.constant(mask, b!.shape, "bool"), a!, b!);
      },
    })),
  },
  {
    operator: "StraightThrough",
    cases: anyShape.map((shape) => ({ shapes: [shape], apply: (x) => op.straightThrough(op.mul(x!, 1), x!) })),
  },
  reduction("ReduceSum", op.sum),
  reduction("ReduceMean", op.mean),
  reduction("ReduceSumSquare", op.sumSquares),
  reduction("ReduceLogSumExp", op.logSumExp),
  reduction("ReduceMax", op.reduceMax, "distinct"),
  reduction("ReduceMin", op.reduceMin, "distinct"),
  alongAxis("CumSum", (x, axis) => op.cumulativeSum(x, axis)),
  unary("Reshape", (x) => op.reshape(x, [x.size])),
  {
    operator: "Transpose",
    cases: anyShape.chain((shape) =>
      fc
        .shuffledSubarray(
          shape.map((_, i) => i),
          { minLength: shape.length },
        )
        .map((permutation) => ({
          shapes: [shape],
          apply: (x: Sym) => op.transpose(x, permutation),
        })),
    ),
  },
  {
    operator: "Expand",
    cases: broadcasting.map(([a]) => ({
      shapes: [a!],
      apply: (x) => op.expand(x!, [2, ...a!.map((n) => (n === 1 ? 3 : n))]),
    })),
  },
  {
    operator: "Concat",
    cases: anyShape.chain((shape) =>
      fc.tuple(axisOf(shape), extent).map(([axis, other]) => ({
        shapes: [shape, shape.map((n, i) => (i === (axis + shape.length) % shape.length ? other : n)), shape],
        apply: (...parts: Sym[]) => op.concat(parts, axis),
      })),
    ),
  },
  {
    operator: "Split",
    cases: fc.tuple(anyShape, fc.array(extent, { minLength: 2, maxLength: 6 })).chain(([shape, parts]) =>
      axisOf(shape).map((axis) => ({
        shapes: [shape.map((n, i) => (i === (axis + shape.length) % shape.length ? parts.reduce((a, b) => a + b) : n))],
        apply: (x: Sym) => {
          const pieces = op.split(x, parts, axis);
          return op.concat([op.square(pieces.at(-1)!), ...pieces.slice(1)], axis); // the first part gets no cotangent
        },
      })),
    ),
  },
  alongAxis("Slice", (x, axis) => op.slice(op.concat([x, x, x], axis), axis, 1, -1)),
  unary("Pad", (x) =>
    op.pad(
      x,
      x.shape.map((_, i) => [i % 2, (i + 1) % 3]),
    ),
  ),
  alongAxis("Reverse", op.reverse),
  alongAxis("Gather", (x, axis) =>
    op.gather(x, x.graph.constant(indicesFor(6, x.extent(axis), axis), [2, 3], "int64"), axis),
  ),
  alongAxis("GatherElements", (x, axis) =>
    op.takeAlongAxis(x, x.graph.constant(indicesFor(x.size, x.extent(axis), 1), x.shape, "int64"), axis),
  ),
  {
    operator: "ScatterElements",
    cases: anyShape.chain((shape) =>
      axisOf(shape).map((axis) => ({
        shapes: [shape, shape],
        apply: (x: Sym, updates: Sym) => {
          const indices = x.graph.constant(indicesFor(x.size, x.extent(axis), 2), x.shape, "int64");
          return op.scatterAdd(x, indices, updates, axis);
        },
      })),
    ),
  },
  alongAxis(
    "TopK",
    (x, axis) => op.topK(x, Math.ceil(x.extent(axis) / 2), axis, { largest: axis % 2 === 0 })[0],
    "distinct",
  ),
  {
    operator: "Gemm",
    cases: matrices.map(({ m, k, n, flags: [transposeA = false, transposeB = false, withBias] }) => ({
      shapes: [transposeA ? [k, m] : [m, k], transposeB ? [n, k] : [k, n], ...(withBias ? [[n]] : [])],
      apply: (a, b, bias) => op.gemm(a!, b!, bias, { transposeA, transposeB }),
    })),
  },
  {
    operator: "Gemm",
    cases: matrices.map(({ m, k, batch }) => ({
      shapes: [[...batch, m, k], [k, k], [k]],
      apply: (x, weight, bias) =>
        op.linear(op.tanh(op.linear(op.tanh(op.linear(x!, weight!, bias)), weight!, bias)), weight!),
    })),
  },
  {
    operator: "MatMul",
    cases: matrices.map(({ m, k, n, batch, flags }) => ({
      shapes: [
        [...batch.map((extent, i) => (flags[i] ? 1 : extent)), m, k],
        [...batch.slice(flags[2] ? 1 : 0), k, n],
      ],
      apply: (a, b) => op.matmul(a!, b!),
    })),
  },
  alongAxis("Softmax", op.softmax),
  alongAxis("LogSoftmax", op.logSoftmax),
  {
    operator: "LayerNormalization",
    cases: rows.map(([lead, width]) => ({
      shapes: [[...lead, width + 1], [width + 1], [width + 1]],
      apply: (x, gain, bias) => op.layerNorm(x!, gain!, bias, 1e-2),
    })),
  },
  {
    operator: "RmsNormalization",
    cases: rows.map(([lead, width]) => ({
      shapes: [[...lead, width], [width]],
      apply: (x, gain) => op.rmsNorm(x!, gain!, 1e-2),
    })),
  },
  {
    operator: "RmsNormalization",
    cases: matrices.map(({ m, k, n }) => ({
      shapes: [
        [m, k + 1, n + 1],
        [m, 1, n + 1],
      ],
      apply: (x, gain) => op.add(op.rmsNorm(x!, gain!, 1e-2, [0, 2]), op.rmsNorm(op.square(x!), gain!, 1e-2, [0, 2])),
    })),
  },
  {
    operator: "AddRowVectors",
    cases: matrices.map(({ m, k, n, flags }) => ({
      shapes: [
        [flags[0] ? 1 : m, k, n],
        [m, n, n],
        [m, 1, n],
      ],
      apply: (x, weight, bias) => op.ensembleLinear(op.tanh(op.ensembleLinear(x!, weight!, bias)), weight!, bias),
    })),
  },
  {
    operator: "GruGates",
    cases: fc.tuple(extent, extent).map(([rows, units]) => ({
      shapes: [
        [rows, 3 * units],
        [rows, 3 * units],
        [rows, units],
      ],
      apply: (fromInput, fromHidden, hidden) => op.gruGates(fromInput!, fromHidden!, hidden!),
    })),
  },
  convolution("Conv2d", op.conv2d),
  convolution("Conv", op.nativeConv2d),
  transposedConvolution("ConvTranspose2d", op.convTranspose2d),
  transposedConvolution("ConvTranspose", op.nativeConvTranspose2d),
];
