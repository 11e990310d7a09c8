import { differentiable } from "../operator.ts";
import { shapeError } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import { outerProduct, rowSum } from "../tape.ts";
import { gather } from "./indexing.ts";
import { gemm } from "./linear.ts";
import { convolvedExtent, patches } from "./patches.ts";
import { reshape, transpose } from "./shape.ts";
import { concat, crop, pad } from "./slicing.ts";

export interface ConvOptions {
  readonly stride?: number;
  /** Zeros added on every side. */
  readonly padding?: number;
}

/**
 * Convolution of images, as a gather of patches and one matrix product: on a CPU this trains faster than ONNX Conv,
 * whose gradients are slow.
 *
 * Shapes: x [N, Y, X, C], weight [kernelY, kernelX, C, O], bias [O] → [N, y, x, O]
 */
export function conv2d(x: Sym, weight: Sym, bias?: Sym, options: ConvOptions = {}): Sym {
  const { stride = 1, padding = 0 } = options;
  const [kernelY, kernelX, channels, filters] = weight.shape as [number, number, number, number];
  const fits = kernelY <= x.extent(1) + 2 * padding && kernelX <= x.extent(2) + 2 * padding;
  if (x.rank !== 4 || weight.rank !== 4 || channels !== x.extent(3) || !fits) {
    throw shapeError("Conv2d", "an image [N, Y, X, C] that holds the kernel [kernelY, kernelX, C, O]", [x, weight]);
  }
  const margin: [number, number] = [padding, padding];
  const image = pad(x, [[0, 0], margin, margin, [0, 0]]);
  const matrix = reshape(weight, [kernelY * kernelX * channels, filters]);
  return convolution(image, matrix, bias, [kernelY, kernelX], stride);
}

const convolution: (
  x: Sym,
  weight: Sym,
  bias: Sym | undefined,
  kernel: readonly [number, number],
  stride: number,
) => Sym = differentiable("Conv2d", (x, weight, bias, kernel, stride) => {
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  const filters = weight.extent(1);
  const [outY, outX] = [convolvedExtent(height, kernel[0], stride), convolvedExtent(width, kernel[1], stride)];
  const seen = patches(x, kernel, stride);
  return {
    operands: [x, weight, bias],
    value: reshape(gemm(seen, weight, bias), [n, outY, outX, filters]),
    gradient: (dy) => {
      const rows = reshape(dy, [n * outY * outX, filters]);
      const full = spread(dy, reshape(weight, [...kernel, channels, filters]), stride);
      return [fitted(full, height, width), outerProduct(seen, rows), bias && rowSum(rows)];
    },
  };
});

export interface ConvTransposeOptions extends ConvOptions {
  /** Rows and columns added at the far sides of the result. */
  readonly outputPadding?: number;
}

/**
 * Transposed convolution of images: the gradient of a convolution with respect to its image.
 *
 * Shapes: x [N, y, x, I], weight [I, kernelY, kernelX, O], bias [O] → [N, Y, X, O] with
 * Y = (y - 1) · stride - 2 · padding + kernelY + outputPadding
 */
export function convTranspose2d(x: Sym, weight: Sym, bias?: Sym, options: ConvTransposeOptions = {}): Sym {
  const { stride = 1, padding = 0, outputPadding = 0 } = options;
  const [channels, kernelY, kernelX, filters] = weight.shape as [number, number, number, number];
  if (x.rank !== 4 || weight.rank !== 4 || channels !== x.extent(3) || outputPadding > padding) {
    throw shapeError(
      "ConvTranspose2d",
      `an image [N, y, x, I], a kernel [I, kernelY, kernelX, O] and outputPadding ${outputPadding} <= padding ${padding}`,
      [x, weight],
    );
  }
  const matrix = reshape(weight, [channels, kernelY * kernelX * filters]);
  const full = transposedConvolution(x, matrix, bias, [kernelY, kernelX], stride);
  const ends = [1, 2].map((axis) => full.extent(axis) - padding + outputPadding);
  return crop(full, [padding, padding], ends, [1, 2]);
}

const transposedConvolution: (
  x: Sym,
  weight: Sym,
  bias: Sym | undefined,
  kernel: readonly [number, number],
  stride: number,
) => Sym = differentiable("ConvTranspose2d", (x, weight, bias, kernel, stride) => {
  const [n, inY, inX, channels] = x.shape as [number, number, number, number];
  const [kernelY, kernelX] = kernel;
  const filters = weight.extent(1) / (kernelY * kernelX);
  const [height, width] = [(inY - 1) * stride + kernelY, (inX - 1) * stride + kernelX];
  const points = reshape(x, [n * inY * inX, channels]);
  const onePoint = inY === 1 && inX === 1;
  const kernels = transpose(reshape(weight, [channels, kernelY, kernelX, filters]), [1, 2, 3, 0]);
  const value = onePoint
    ? reshape(gemm(points, weight, bias && repeat(bias, kernelY * kernelX)), [n, height, width, filters])
    : fitted(spread(x, kernels, stride, bias), height, width);
  return {
    operands: [x, weight, bias],
    value,
    gradient: (dy) => {
      const seen = patches(dy, kernel, stride);
      const dx = reshape(gemm(seen, weight, undefined, { transposeB: true }), x.shape);
      return [dx, outerProduct(points, seen), bias && rowSum(reshape(dy, [n * height * width, filters]))];
    },
  };
});

/**
 * Adds to every place of a larger image what the kernel spreads from each point, without a scatter: the image is cut into
 * stride × stride phases, each a stride-1 convolution of the points, all of them one matrix product.
 *
 * Shapes: points [N, y, x, O], kernel [kernelY, kernelX, C, O], bias [C] → [N, Y, X, C], where Y and X are rounded up to
 * multiples of the stride
 */
function spread(points: Sym, kernel: Sym, stride: number, bias?: Sym): Sym {
  const [n, inY, inX] = points.shape as [number, number, number];
  const [tapsY, tapsX] = [Math.ceil(kernel.extent(0) / stride), Math.ceil(kernel.extent(1) / stride)];
  const channels = kernel.extent(2);
  const [rows, columns] = [inY + tapsY - 1, inX + tapsX - 1];
  const margins = [
    [0, 0],
    [tapsY - 1, tapsY - 1],
    [tapsX - 1, tapsX - 1],
    [0, 0],
  ] as const;
  const seen = patches(pad(points, margins), [tapsY, tapsX], 1);
  const phases = gemm(seen, phaseWeights(kernel, stride), bias && repeat(bias, stride * stride));
  if (stride === 1) return reshape(phases, [n, rows, columns, channels]);
  const interleaved = transpose(reshape(phases, [n * rows, columns, stride, stride * channels]), [0, 2, 1, 3]);
  return reshape(interleaved, [n, rows * stride, columns * stride, channels]);
}

/**
 * The kernel as one stride-1 kernel per phase, taps reversed because it now runs over the points.
 *
 * Shapes: kernel [kernelY, kernelX, C, O] → [tapsY·tapsX·O, stride·stride·C]
 */
function phaseWeights(kernel: Sym, stride: number): Sym {
  const [kernelY, kernelX, channels, filters] = kernel.shape as [number, number, number, number];
  const [tapsY, tapsX] = [Math.ceil(kernelY / stride), Math.ceil(kernelX / stride)];
  const padded = pad(kernel, [
    [0, tapsY * stride - kernelY],
    [0, tapsX * stride - kernelX],
    [0, 0],
    [0, 0],
  ]);
  const split = reshape(padded, [tapsY, stride, tapsX, stride, channels, filters]);
  const byTap = reshape(transpose(split, [0, 2, 5, 1, 3, 4]), [tapsY * tapsX, filters * stride * stride * channels]);
  const taps = tapsY * tapsX;
  const reversed = kernel.graph.constant([...Array(taps).keys()].reverse(), [taps], "int64");
  return reshape(gather(byTap, reversed, 0), [taps * filters, stride * stride * channels]);
}

function repeat(bias: Sym, times: number): Sym {
  return concat(new Array<Sym>(times).fill(bias), 0);
}

/** The image cut, or continued with zeros, to the given height and width. */
function fitted(image: Sym, height: number, width: number): Sym {
  const [rows, columns] = [image.extent(1), image.extent(2)];
  const cut = crop(image, [0, 0], [Math.min(rows, height), Math.min(columns, width)], [1, 2]);
  return pad(cut, [
    [0, 0],
    [0, Math.max(0, height - rows)],
    [0, Math.max(0, width - columns)],
    [0, 0],
  ]);
}
