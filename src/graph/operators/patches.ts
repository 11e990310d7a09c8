import type { Sym } from "../sym.ts";
import { gather } from "./indexing.ts";
import { reshape } from "./shape.ts";
import { crop } from "./slicing.ts";

/** Extent of a valid convolution's output. */
export function convolvedExtent(extent: number, kernel: number, stride: number): number {
  return Math.floor((extent - kernel) / stride) + 1;
}

/**
 * What a kernel sees at every place of an image, one row per place (im2col), by one Gather.
 *
 * Pixels are copied in runs of gcd(stride, kernel width): every window starts and ends on a run.
 *
 * Shapes: x [N, Y, X, C] → [N·y·x, kernelY·kernelX·C]
 */
export function patches(x: Sym, kernel: readonly [number, number], stride: number): Sym {
  const [kernelY, kernelX] = kernel;
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  const run = greatestCommonDivisor(stride, kernelX);
  const runsPerRow = Math.floor(width / run);
  const whole = crop(x, [0], [runsPerRow * run], [2]);
  const [outY, outX] = [convolvedExtent(height, kernelY, stride), convolvedExtent(width, kernelX, stride)];
  const indices: number[] = [];
  for (let y = 0; y < outY; y++) {
    for (let x = 0; x < outX; x++) {
      for (let ky = 0; ky < kernelY; ky++) {
        const first = (y * stride + ky) * runsPerRow + (x * stride) / run;
        for (let i = 0; i < kernelX / run; i++) indices.push(first + i);
      }
    }
  }
  const runs = reshape(whole, [n, height * runsPerRow, run * channels]);
  const seen = gather(runs, x.graph.constant(indices, [indices.length], "int32"), 1);
  return reshape(seen, [n * outY * outX, kernelY * kernelX * channels]);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
