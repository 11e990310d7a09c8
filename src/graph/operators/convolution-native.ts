import { differentiable, node } from "../operator.ts";
import { shapeError } from "../shapes.ts";
import type { Sym } from "../sym.ts";
import type { ConvOptions, ConvTransposeOptions } from "./convolution.ts";
import { sum } from "./reduction.ts";
import { transpose } from "./shape.ts";
import { crop } from "./slicing.ts";

/**
 * Convolution by the runtime's own Conv, for providers whose kernel is fast. `conv2d` computes the same.
 *
 * Shapes: x [N, Y, X, C], weight [kernelY, kernelX, C, O], bias [O] → [N, y, x, O]
 */
export function nativeConv2d(x: Sym, weight: Sym, bias?: Sym, options: ConvOptions = {}): Sym {
  const y = conv(channelsFirst(x), transpose(weight, [3, 2, 0, 1]), bias, options.stride ?? 1, options.padding ?? 0, 1);
  return channelsLast(y);
}

/**
 * Transposed convolution by the runtime's own ConvTranspose. `convTranspose2d` computes the same.
 *
 * Shapes: x [N, y, x, I], weight [I, kernelY, kernelX, O], bias [O] → [N, Y, X, O]
 */
export function nativeConvTranspose2d(x: Sym, weight: Sym, bias?: Sym, options: ConvTransposeOptions = {}): Sym {
  const { stride = 1, padding = 0, outputPadding = 0 } = options;
  const extra: [number, number] = [outputPadding, outputPadding];
  return channelsLast(convTranspose(channelsFirst(x), channelsFirst(weight), bias, stride, padding, extra));
}

function channelsFirst(x: Sym): Sym {
  return transpose(x, [0, 3, 1, 2]);
}

function channelsLast(x: Sym): Sym {
  return transpose(x, [0, 2, 3, 1]);
}

/** Shapes: x [N, C, Y, X], weight [O, C, kernelY, kernelX] → [N, O, y, x] */
const conv: (x: Sym, weight: Sym, bias: Sym | undefined, stride: number, padding: number, dilation: number) => Sym =
  differentiable("Conv", (x, weight, bias, stride, padding, dilation) => {
    if (x.extent(1) !== weight.extent(1)) throw shapeError("Conv", "an image with the kernel's channels", [x, weight]);
    const kernel = weight.shape.slice(2);
    const reach = (i: number) => x.extent(i) + 2 * padding - dilation * (weight.extent(i) - 1) - 1;
    const y = node(
      "Conv",
      bias ? [x, weight, bias] : [x, weight],
      [x.extent(0), weight.extent(0), ...[2, 3].map((i) => Math.floor(reach(i) / stride) + 1)],
      { attributes: convAttributes(kernel, stride, padding, dilation) },
    );
    return {
      operands: [x, weight, bias],
      value: y,
      gradient: (dy) => {
        const left = [2, 3].map((i) => reach(i) % stride) as [number, number];
        const dx = convTranspose(dy, weight, undefined, stride, padding, left);
        return [dx, weightGradient(x, dy, kernel, stride, padding), bias && sum(dy, [0, 2, 3])];
      },
    };
  });

/** Shapes: x [N, I, y, x], weight [I, O, kernelY, kernelX] → [N, O, Y, X] */
const convTranspose: (
  x: Sym,
  weight: Sym,
  bias: Sym | undefined,
  stride: number,
  padding: number,
  outputPadding: readonly [number, number],
) => Sym = differentiable("ConvTranspose", (x, weight, bias, stride, padding, outputPadding) => {
  if (x.extent(1) !== weight.extent(0))
    throw shapeError("ConvTranspose", "an image with the kernel's channels", [x, weight]);
  const kernel = weight.shape.slice(2);
  const extents = kernel.map((k, i) => (x.extent(i + 2) - 1) * stride - 2 * padding + k + outputPadding[i]!);
  return {
    operands: [x, weight, bias],
    value: node("ConvTranspose", bias ? [x, weight, bias] : [x, weight], [x.extent(0), weight.extent(1), ...extents], {
      attributes: { ...convAttributes(kernel, stride, padding, 1), output_padding: outputPadding },
    }),
    gradient: (dy) => [
      conv(dy, weight, undefined, stride, padding, 1),
      weightGradient(dy, x, kernel, stride, padding),
      bias && sum(dy, [0, 2, 3]),
    ],
  };
});

/** d(kernel) as a convolution with batch and channels exchanged, dilated by the stride; the remainder is cut off. */
function weightGradient(large: Sym, small: Sym, kernel: readonly number[], stride: number, padding: number): Sym {
  const exchange = (x: Sym) => transpose(x, [1, 0, 2, 3]);
  const full = conv(exchange(large), exchange(small), undefined, 1, padding, stride);
  return exchange(crop(full, [0, 0], kernel, [2, 3]));
}

function convAttributes(kernel: readonly number[], stride: number, padding: number, dilation: number) {
  return {
    kernel_shape: kernel,
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
    dilations: [dilation, dilation],
  };
}
