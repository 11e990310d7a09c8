import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Rng } from "../../../src/core/rng.ts";
import { elementCount, type Shape } from "../../../src/core/tensor.ts";
import { Graph } from "../../../src/graph/graph.ts";
import * as op from "../../../src/graph/operators/index.ts";
import type { Sym } from "../../../src/graph/sym.ts";
import { elementAt, fill, type Reference, reduceBy } from "./reference.ts";
import { evaluate } from "./runtime.ts";

const extent = fc.integer({ min: 1, max: 4 });
const anyShape = fc.array(extent, { minLength: 1, maxLength: 4 });
const seed = fc.nat(1000);

function random(shape: Shape, rng: Rng): Reference {
  return { shape, data: rng.fillNormal(new Float32Array(elementCount(shape))) };
}

/** Runs `build` on the given values and compares with the expected tensor. */
async function assertComputes(values: readonly Reference[], build: (...x: Sym[]) => Sym, expected: Reference) {
  const graph = new Graph();
  const y = build(...values.map(({ shape }, i) => graph.input(`x${i}`, shape)));
  assert.deepEqual(y.shape, expected.shape);
  graph.output("y", y);
  const results = await evaluate(graph, Object.fromEntries(values.map(({ data }, i) => [`x${i}`, data])));
  for (let i = 0; i < expected.data.length; i++) {
    const [actual, wanted] = [results.y![i]!, expected.data[i]!];
    assert.ok(Math.abs(actual - wanted) <= 2e-5 * (1 + Math.abs(wanted)), `[${i}]: ${actual} instead of ${wanted}`);
  }
}

function property<T>(arbitrary: fc.Arbitrary<T>, check: (example: T, rng: Rng) => Promise<void>) {
  return fc.assert(
    fc.asyncProperty(arbitrary, seed, (example, n) => check(example, new Rng(n))),
    { numRuns: 10, seed: 11 },
  );
}

const erf = (x: number) => {
  let total = 0; // Maclaurin series: enough for the values drawn here
  for (let n = 0, term = x; n < 80; n++, term *= -(x * x) / n) total += term / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * total;
};
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const UNARY: readonly [string, (x: Sym) => Sym, (x: number) => number][] = [
  ["neg", op.neg, (x) => -x],
  ["square", op.square, (x) => x * x],
  ["exp", op.exp, Math.exp],
  ["log of the square", (x) => op.log(op.square(x)), (x) => Math.log(x * x)],
  ["log1p of the square", (x) => op.log1p(op.square(x)), (x) => Math.log1p(x * x)],
  ["expm1", op.expm1, Math.expm1],
  ["sqrt of the square", (x) => op.sqrt(op.square(x)), Math.abs],
  ["reciprocal", op.reciprocal, (x) => 1 / x],
  ["pow", (x) => op.pow(op.abs(x), 2.5), (x) => Math.abs(x) ** 2.5],
  ["sin", op.sin, Math.sin],
  ["cos", op.cos, Math.cos],
  ["erf", op.erf, erf],
  ["sign", op.sign, Math.sign],
  ["floor", op.floor, Math.floor],
  ["ceil", op.ceil, Math.ceil],
  ["round", op.round, Math.round],
  ["symlog", op.symlog, (x) => Math.sign(x) * Math.log1p(Math.abs(x))],
  ["symexp", op.symexp, (x) => Math.sign(x) * Math.expm1(Math.abs(x))],
  ["tanh", op.tanh, Math.tanh],
  ["sigmoid", op.sigmoid, sigmoid],
  ["softplus", op.softplus, (x) => Math.log1p(Math.exp(x))],
  ["logSigmoid", op.logSigmoid, (x) => Math.log(sigmoid(x))],
  ["relu", op.relu, (x) => Math.max(x, 0)],
  ["leakyRelu", (x) => op.leakyRelu(x, 0.1), (x) => Math.max(x, 0.1 * x)],
  ["elu", op.elu, (x) => (x > 0 ? x : Math.expm1(x))],
  ["silu", op.silu, (x) => x * sigmoid(x)],
  ["gelu", op.gelu, (x) => (x * (1 + erf(x / Math.SQRT2))) / 2],
  ["mish", op.mish, (x) => x * Math.tanh(Math.log1p(Math.exp(x)))],
  ["clip", (x) => op.clip(x, -0.3, 0.8), (x) => Math.min(Math.max(x, -0.3), 0.8)],
  ["stopGradient", op.stopGradient, (x) => x],
];

const flag = (compare: (a: number, b: number) => boolean) => (a: number, b: number) => Number(compare(a, b));
const asNumber = (compare: (a: Sym, b: Sym) => Sym) => (a: Sym, b: Sym) => op.cast(compare(a, b), "float32");

const BINARY: readonly [string, (a: Sym, b: Sym) => Sym, (a: number, b: number) => number][] = [
  ["add", op.add, (a, b) => a + b],
  ["sub", op.sub, (a, b) => a - b],
  ["mul", op.mul, (a, b) => a * b],
  ["div", op.div, (a, b) => a / b],
  ["max", op.max, Math.max],
  ["min", op.min, Math.min],
  ["greater", asNumber(op.greater), flag((a, b) => a > b)],
  ["greaterOrEqual", asNumber(op.greaterOrEqual), flag((a, b) => a >= b)],
  ["less", asNumber(op.less), flag((a, b) => a < b)],
  ["lessOrEqual", asNumber(op.lessOrEqual), flag((a, b) => a <= b)],
  ["equal", asNumber((a, b) => op.equal(op.sign(a), op.sign(b))), flag((a, b) => Math.sign(a) === Math.sign(b))],
  [
    "where",
    (a, b) => op.where(op.or(op.greater(a, 1), op.not(op.greater(b, 0))), a, b),
    (a, b) => (a > 1 || b <= 0 ? a : b),
  ],
  ["and", asNumber((a, b) => op.and(op.greater(a, 0), op.greater(b, 0))), flag((a, b) => a > 0 && b > 0)],
];

const logSumExp = (values: readonly number[]) => Math.log(values.reduce((total, x) => total + Math.exp(x), 0));
const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

const REDUCTIONS: readonly [string, typeof op.sum, (values: readonly number[]) => number][] = [
  ["sum", op.sum, total],
  ["mean", op.mean, (values) => total(values) / values.length],
  ["sumSquares", op.sumSquares, (values) => total(values.map((x) => x * x))],
  ["logSumExp", op.logSumExp, logSumExp],
  ["reduceMax", op.reduceMax, (values) => Math.max(...values)],
  ["reduceMin", op.reduceMin, (values) => Math.min(...values)],
];

const shapeAndAxis = anyShape.chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1)));

/** What `along` gives for one line of elements along an axis, line by line. */
function alongAxis(x: Reference, axis: number, along: (line: readonly number[]) => readonly number[]): Reference {
  const line = (index: readonly number[]) =>
    Array.from({ length: x.shape[axis]! }, (_, i) => elementAt(x, index.with(axis, i)));
  const length = along(line(x.shape.map(() => 0))).length;
  return fill(x.shape.with(axis, length), (index) => along(line(index))[index[axis]!]!);
}

describe("operators compute what their names say, over random shapes", () => {
  for (const [name, build, compute] of UNARY) {
    test(name, () =>
      property(anyShape, async (shape, rng) => {
        const x = random(shape, rng);
        await assertComputes([x], build, { shape, data: Array.from(x.data, compute) });
      }),
    );
  }

  const broadcasting = anyShape.chain((shape) =>
    fc.tuple(fc.constant(shape), fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), fc.nat(shape.length)),
  );
  for (const [name, build, compute] of BINARY) {
    test(`${name}, operands broadcast`, () =>
      property(broadcasting, async ([shape, ones, drop], rng) => {
        const a = random(
          shape.map((n, i) => (ones[i] ? 1 : n)),
          rng,
        );
        const b = random(shape.map((n, i) => (ones[4 + i] ? 1 : n)).slice(drop), rng);
        const bExtent = (axis: number) => b.shape[axis - drop] ?? 1;
        const joint = a.shape.map((n, axis) => Math.max(n, axis < drop ? 1 : bExtent(axis)));
        await assertComputes(
          [a, b],
          build,
          fill(joint, (index) => compute(elementAt(a, index), elementAt(b, index))),
        );
      }));
  }

  for (const [name, build, compute] of REDUCTIONS) {
    const axesOf = (shape: Shape) =>
      fc.subarray(
        shape.map((_, i) => i),
        { minLength: 1 },
      );
    const cases = anyShape.chain((shape) => fc.tuple(fc.constant(shape), axesOf(shape), fc.boolean()));
    test(name, () =>
      property(cases, async ([shape, axes, keepDims], rng) => {
        const x = random(shape, rng);
        await assertComputes([x], (sym) => build(sym, axes, keepDims), reduceBy(x, axes, keepDims, compute));
      }),
    );
  }

  const lines: readonly [string, (x: Sym, axis: number) => Sym, (line: readonly number[]) => readonly number[]][] = [
    ["softmax", op.softmax, (line) => line.map((x) => Math.exp(x - logSumExp(line)))],
    ["logSoftmax", op.logSoftmax, (line) => line.map((x) => x - logSumExp(line))],
    ["cumulativeSum", op.cumulativeSum, (line) => line.map((_, i) => total(line.slice(0, i + 1)))],
    ["reverse", op.reverse, (line) => line.toReversed()],
    [
      "topK",
      (x, axis) => op.topK(x, Math.min(2, x.extent(axis)), axis)[0],
      (line) => line.toSorted((a, b) => b - a).slice(0, 2),
    ],
    ["slice", (x, axis) => op.slice(op.concat([x, x], axis), axis, 1, -1), (line) => [...line, ...line].slice(1, -1)],
    [
      "takeAlongAxis of topK's indices",
      (x, axis) => op.takeAlongAxis(x, op.topK(x, x.extent(axis), axis, { largest: false })[1], axis),
      (line) => line.toSorted((a, b) => a - b),
    ],
    [
      "gather",
      (x, axis) => op.gather(x, x.graph.constant([0, -1, 0], [3], "int64"), axis),
      (line) => [line[0]!, line.at(-1)!, line[0]!],
    ],
  ];
  for (const [name, build, along] of lines) {
    test(`${name} along an axis`, () =>
      property(
        shapeAndAxis.filter(([shape, axis]) => name !== "slice" || shape[axis]! > 1),
        async ([shape, axis], rng) => {
          const x = random(shape, rng);
          await assertComputes([x], (sym) => build(sym, axis), alongAxis(x, axis, along));
        },
      ));
  }

  test("transpose, stack, unstack and concat move elements where they belong", () =>
    property(anyShape, async (shape, rng) => {
      const x = random(shape, rng);
      const axes = shape.map((_, i) => i).reverse();
      const reversed = fill(shape.toReversed(), (index) => elementAt(x, index.toReversed()));
      await assertComputes([x], (sym) => op.transpose(sym, axes), reversed);
      const doubled = fill([2, ...shape], ([first, ...rest]) => elementAt(x, rest) * (first === 0 ? 1 : 2));
      await assertComputes([x], (sym) => op.stack([sym, op.mul(sym, 2)]), doubled);
      await assertComputes([x], (sym) => op.stack(op.unstack(sym, -1), -1), x);
    }));

  test("argMax, oneHot and scatterAdd agree", () =>
    property(fc.tuple(extent, extent), async ([rows, columns], rng) => {
      const x = random([rows, columns], rng);
      const hot = alongAxis(x, 1, (line) => line.map((value) => Number(value === Math.max(...line))));
      await assertComputes([x], (sym) => op.oneHot(op.argMax(sym), columns), hot);
      const scattered = (sym: Sym) => {
        const zeros = sym.graph.constant(new Float32Array(rows * columns), [rows, columns]);
        const places = op.expandDims(op.argMax(sym), 1);
        return op.scatterAdd(zeros, places, sym.graph.constant(new Float32Array(rows).fill(1), [rows, 1]), 1);
      };
      await assertComputes([x], scattered, hot);
    }));

  test("pad puts constant margins around", async () => {
    const x = random([2, 3], new Rng(1));
    const padded = fill([4, 4], ([y, z]) => (y! >= 1 && y! < 3 && z! < 3 ? elementAt(x, [y! - 1, z!]) : 7));
    await assertComputes(
      [x],
      (sym) =>
        op.pad(
          sym,
          [
            [1, 1],
            [0, 1],
          ],
          7,
        ),
      padded,
    );
  });

  test("matmul and linear are products over the last axes", () =>
    property(fc.tuple(extent, extent, extent, extent), async ([batch, m, k, n], rng) => {
      const [a, b] = [random([batch, m, k], rng), random([batch, k, n], rng)];
      const dot = (row: (i: number) => number, column: (i: number) => number) =>
        total(Array.from({ length: k }, (_, i) => row(i) * column(i)));
      const product = fill([batch, m, n], ([s, y, x]) =>
        dot(
          (i) => elementAt(a, [s!, y!, i]),
          (i) => elementAt(b, [s!, i, x!]),
        ),
      );
      await assertComputes([a, b], op.matmul, product);
      const weight = random([k, n], rng);
      const mapped = fill([batch, m, n], ([s, y, x]) =>
        dot(
          (i) => elementAt(a, [s!, y!, i]),
          (i) => elementAt(weight, [i, x!]),
        ),
      );
      await assertComputes([a, weight], op.linear, mapped);
    }));

  test("layerNorm and rmsNorm normalise rows", () =>
    property(fc.tuple(extent, fc.integer({ min: 2, max: 6 })), async ([rows, width], rng) => {
      const [x, gain, bias] = [random([rows, width], rng), random([width], rng), random([width], rng)];
      const row = (y: number) => Array.from({ length: width }, (_, i) => elementAt(x, [y, i]));
      const meanSquare = (values: readonly number[]) => total(values.map((value) => value * value)) / width;
      const normal = fill([rows, width], ([y, z]) => {
        const center = total(row(y!)) / width;
        const deviation = Math.sqrt(meanSquare(row(y!).map((value) => value - center)) + 1e-5);
        return ((elementAt(x, [y!, z!]) - center) / deviation) * gain.data[z!]! + bias.data[z!]!;
      });
      await assertComputes([x, gain, bias], (...parts) => op.layerNorm(parts[0]!, parts[1], parts[2]), normal);
      const scaled = fill(
        [rows, width],
        ([y, z]) => (elementAt(x, [y!, z!]) / Math.sqrt(meanSquare(row(y!)) + 1e-6)) * gain.data[z!]!,
      );
      await assertComputes([x, gain], (...parts) => op.rmsNorm(parts[0]!, parts[1]!), scaled);
    }));
});

describe("convolutions of both methods equal the sum written out", () => {
  const cases = fc.record({
    kernelY: extent,
    kernelX: extent,
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 1 }),
    extraY: fc.nat(4),
    extraX: fc.nat(4),
    channels: fc.integer({ min: 1, max: 3 }),
    filters: fc.integer({ min: 1, max: 3 }),
  });

  test("conv2d", () =>
    property(cases, async ({ kernelY, kernelX, stride, padding, extraY, extraX, channels, filters }, rng) => {
      const [height, width] = [kernelY + extraY, kernelX + extraX];
      const x = random([2, height, width, channels], rng);
      const [weight, bias] = [random([kernelY, kernelX, channels, filters], rng), random([filters], rng)];
      const reach = (full: number, kernel: number) => Math.floor((full + 2 * padding - kernel) / stride) + 1;
      const expected = fill([2, reach(height, kernelY), reach(width, kernelX), filters], ([n, y, z, f]) => {
        let value = bias.data[f!]!;
        for (let ky = 0; ky < kernelY; ky++) {
          for (let kx = 0; kx < kernelX; kx++) {
            const [py, px] = [y! * stride + ky - padding, z! * stride + kx - padding];
            if (py < 0 || px < 0 || py >= height || px >= width) continue;
            for (let c = 0; c < channels; c++)
              value += elementAt(x, [n!, py, px, c]) * elementAt(weight, [ky, kx, c, f!]);
          }
        }
        return value;
      });
      for (const convolve of [op.conv2d, op.nativeConv2d]) {
        await assertComputes([x, weight, bias], (a, b, c) => convolve(a!, b!, c, { stride, padding }), expected);
      }
    }));

  test("convTranspose2d", () =>
    property(
      cases.filter((c) => Math.min(c.kernelY, c.kernelX) > 2 * c.padding),
      async ({ kernelY, kernelX, stride, padding, extraY, extraX, channels, filters }, rng) => {
        const outputPadding = stride > 1 ? padding : 0;
        const [inY, inX] = [1 + extraY, 1 + extraX];
        const x = random([2, inY, inX, channels], rng);
        const [weight, bias] = [random([channels, kernelY, kernelX, filters], rng), random([filters], rng)];
        const reach = (n: number, kernel: number) => (n - 1) * stride - 2 * padding + kernel + outputPadding;
        const expected = fill([2, reach(inY, kernelY), reach(inX, kernelX), filters], ([n, y, z, f]) => {
          let value = bias.data[f!]!;
          for (let iy = 0; iy < inY; iy++) {
            for (let ix = 0; ix < inX; ix++) {
              const [ky, kx] = [y! + padding - iy * stride, z! + padding - ix * stride];
              if (ky < 0 || kx < 0 || ky >= kernelY || kx >= kernelX) continue;
              for (let c = 0; c < channels; c++)
                value += elementAt(x, [n!, iy, ix, c]) * elementAt(weight, [c, ky, kx, f!]);
            }
          }
          return value;
        });
        for (const convolve of [op.convTranspose2d, op.nativeConvTranspose2d]) {
          const options = { stride, padding, outputPadding };
          await assertComputes([x, weight, bias], (a, b, c) => convolve(a!, b!, c, options), expected);
        }
      },
    ));
});

describe("activations stay finite far from zero", () => {
  for (const [name, activation] of Object.entries({
    softplus: op.softplus,
    mish: op.mish,
    silu: op.silu,
    gelu: op.gelu,
  })) {
    test(name, async () => {
      const x = { shape: [4], data: [-1e4, -100, 100, 1e4] };
      await assertComputes([x], activation, { shape: [4], data: [0, 0, 100, 1e4] });
    });
  }
});
