import * as op from "../operators/index.ts";
import type { Parameters } from "../parameters.ts";
import type { Sym } from "../sym.ts";
import { type LayerOptions, weightAndBias } from "./linear.ts";

/** Which kernels compute a convolution: ours from gathers and matrix products, or the runtime's own. The results are equal. */
export type ConvolutionMethod = "gather" | "native";

export interface ConvLayerOptions extends LayerOptions {
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  /** Zeros added on every side. */
  readonly padding?: number;
  /** Rows and columns added at the far sides; of a transposed convolution only. */
  readonly outputPadding?: number;
  readonly method?: ConvolutionMethod;
}

/** Shapes: x [N, Y, X, C] → [N, y, x, filters] */
export function conv2d(p: Parameters, x: Sym, options: ConvLayerOptions): Sym {
  const { filters, kernel, method = "gather" } = options;
  const channels = x.extent(-1);
  const area = kernel * kernel;
  const shape = [kernel, kernel, channels, filters];
  const [weight, bias] = weightAndBias(p, shape, [filters], area * channels, area * filters, options);
  return p.build(() => (method === "native" ? op.nativeConv2d : op.conv2d)(x, weight, bias, options));
}

/** Shapes: x [N, y, x, C] → [N, Y, X, filters] with Y = (y - 1) · stride - 2 · padding + kernel + outputPadding */
export function convTranspose2d(p: Parameters, x: Sym, options: ConvLayerOptions): Sym {
  const { filters, kernel, method = "gather" } = options;
  const channels = x.extent(-1);
  const area = kernel * kernel;
  // Fan-in over the filters, as PyTorch's ConvTranspose2d counts it.
  const shape = [channels, kernel, kernel, filters];
  const [weight, bias] = weightAndBias(p, shape, [filters], area * filters, area * channels, options);
  return p.build(() => (method === "native" ? op.nativeConvTranspose2d : op.convTranspose2d)(x, weight, bias, options));
}
