import type { CropRegion, PixelEncoding, RawImage } from "../../../src/core/camera.ts";
import { Rng } from "../../../src/core/rng.ts";

export const ENCODINGS: readonly PixelEncoding[] = [
  "rgb8",
  "bgr8",
  "rgba8",
  "bgra8",
  "mono8",
  "yuyv",
  "uyvy",
  "bayer_rggb8",
  "bayer_bggr8",
  "bayer_gbrg8",
  "bayer_grbg8",
];

const BYTES: Partial<Record<PixelEncoding, number>> = { rgb8: 3, bgr8: 3, rgba8: 4, bgra8: 4, yuyv: 2, uyvy: 2 };

/** A noisy picture with `padding` bytes behind every row but the last; YUV stays within the colours that rgb can show. */
export function noisyPicture(
  encoding: PixelEncoding,
  width: number,
  height: number,
  { seed = 1, padding = 0 } = {},
): RawImage {
  const rng = new Rng(seed);
  const rowBytes = width * (BYTES[encoding] ?? 1);
  const stride = rowBytes + padding;
  const isYuv = encoding === "yuyv" || encoding === "uyvy";
  const data = new Uint8Array(stride * (height - 1) + rowBytes);
  for (let i = 0; i < data.length; i++) data[i] = isYuv ? 115 + rng.integer(26) : rng.integer(256);
  return { encoding, width, height, stride, data, stampNs: 0n };
}

/** The mean of the source over each output pixel's rectangle, by the overlap of every source pixel. Shapes: [Y, X, 3] */
export function areaMean(
  rgb: Float64Array,
  source: { readonly width: number; readonly height: number },
  crop: CropRegion,
  output: { readonly width: number; readonly height: number },
): Float64Array {
  const overlap = (low: number, high: number, pixel: number) =>
    Math.max(0, Math.min(high, pixel + 1) - Math.max(low, pixel)) / (high - low);
  const result = new Float64Array(output.width * output.height * 3);
  for (let y = 0; y < output.height; y++) {
    const top = crop.y + (y * crop.height) / output.height;
    const bottom = crop.y + ((y + 1) * crop.height) / output.height;
    for (let x = 0; x < output.width; x++) {
      const left = crop.x + (x * crop.width) / output.width;
      const right = crop.x + ((x + 1) * crop.width) / output.width;
      for (let row = Math.floor(top); row < Math.min(source.height, bottom); row++) {
        for (let column = Math.floor(left); column < Math.min(source.width, right); column++) {
          const share = overlap(left, right, column) * overlap(top, bottom, row);
          for (let c = 0; c < 3; c++) {
            result[3 * (y * output.width + x) + c]! += share * rgb[3 * (row * source.width + column) + c]!;
          }
        }
      }
    }
  }
  return result;
}

export function worstError(image: Uint8Array, exact: Float64Array): number {
  return exact.reduce((worst, value, i) => Math.max(worst, Math.abs(value - image[i]!)), 0);
}

export function meanError(image: Uint8Array, exact: Float64Array): number {
  return exact.reduce((sum, value, i) => sum + Math.abs(value - image[i]!), 0) / exact.length;
}
