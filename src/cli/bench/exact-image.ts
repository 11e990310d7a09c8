import type { RawImage } from "../../core/camera.ts";

/** Where a point of the output image lies in the source; both in pixels, pixel (0, 0) spans [0, 1)². */
type SourceFromOutput = (x: number, y: number, point: Float64Array) => void;
interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The plain, slow definition that the image path is measured against: every source pixel to rgb in floating point, then
 * the mean of evenly spread samples in an output pixel.
 */
export class ExactImage {
  readonly #source: Size;
  readonly #rgb: Float64Array;
  readonly #sourceFromOutput: SourceFromOutput;
  readonly #samplesPerAxis: number;

  constructor(source: RawImage, sourceFromOutput: SourceFromOutput, samplesPerAxis: number) {
    this.#source = source;
    this.#rgb = rgbOf(source);
    this.#sourceFromOutput = sourceFromOutput;
    this.#samplesPerAxis = samplesPerAxis;
  }

  pixel(x: number, y: number): [number, number, number] {
    const n = this.#samplesPerAxis;
    const { width, height } = this.#source;
    const mean: [number, number, number] = [0, 0, 0];
    const point = new Float64Array(2);
    for (let sample = 0; sample < n * n; sample++) {
      this.#sourceFromOutput(x + ((sample % n) + 0.5) / n, y + (Math.floor(sample / n) + 0.5) / n, point);
      const column = Math.floor(point[0]!);
      const row = Math.floor(point[1]!);
      if (!(column >= 0 && column < width && row >= 0 && row < height)) continue; // black outside
      const pixel = 3 * (row * width + column);
      for (let channel = 0; channel < 3; channel++) mean[channel]! += this.#rgb[pixel + channel]! / (n * n);
    }
    return mean;
  }

  /** Mean absolute difference of an rgb image over every `step`th pixel, in grey levels. */
  meanError(image: Uint8Array, output: Size, step = 1): number {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < output.width * output.height; i += step, count += 3) {
      const exact = this.pixel(i % output.width, Math.floor(i / output.width));
      for (let channel = 0; channel < 3; channel++) sum += Math.abs(image[3 * i + channel]! - exact[channel]!);
    }
    return sum / count;
  }
}

/** Full-size rgb in floating point. Shapes: [Y, X, 3] */
export function rgbOf({ encoding, width, height, stride, data }: RawImage): Float64Array {
  const rgb = new Float64Array(width * height * 3);
  const byte = (x: number, y: number) => data[y * stride + x]!;
  const pixelAt = PIXEL_READERS[encoding];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rgb.set(pixelAt(byte, x, y, width, height), 3 * (y * width + x));
  }
  return rgb;
}

type Rgb = readonly [number, number, number];
type ByteAt = (x: number, y: number) => number;
type PixelReader = (byte: ByteAt, x: number, y: number, width: number, height: number) => Rgb;

const packed =
  (size: number, red: number, green: number, blue: number): PixelReader =>
  (byte, x, y) => [byte(size * x + red, y), byte(size * x + green, y), byte(size * x + blue, y)];

/** BT.601, limited range; both pixels of a pair share its chroma. */
const packedYuv =
  (luma: number, u: number, v: number): PixelReader =>
  (byte, x, y) => {
    const pair = 4 * Math.floor(x / 2);
    const grey = (255 / 219) * (byte(2 * x + luma, y) - 16);
    const cb = byte(pair + u, y) - 128;
    const cr = byte(pair + v, y) - 128;
    const clamp = (value: number) => Math.min(255, Math.max(0, value));
    return [clamp(grey + 1.596027 * cr), clamp(grey - 0.391762 * cb - 0.812968 * cr), clamp(grey + 2.017232 * cb)];
  };

/** Bilinear: a missing colour is the mean of its nearest samples; the outermost pixels repeat their inner neighbours. */
const mosaic =
  (redX: number, redY: number): PixelReader =>
  (byte, x, y, width, height) => {
    const cx = Math.min(Math.max(x, 1), width - 2);
    const cy = Math.min(Math.max(y, 1), height - 2);
    const mean = (...offsets: readonly (readonly [number, number])[]) =>
      offsets.reduce((sum, [dx, dy]) => sum + byte(cx + dx, cy + dy), 0) / offsets.length;
    const inRedColumn = (cx - redX) % 2 === 0;
    const inRedRow = (cy - redY) % 2 === 0;
    const horizontal = mean([-1, 0], [1, 0]);
    const vertical = mean([0, -1], [0, 1]);
    if (inRedColumn !== inRedRow) {
      return inRedRow ? [horizontal, mean([0, 0]), vertical] : [vertical, mean([0, 0]), horizontal];
    }
    const cross = mean([-1, 0], [1, 0], [0, -1], [0, 1]);
    const diagonal = mean([-1, -1], [1, -1], [-1, 1], [1, 1]);
    return inRedRow ? [mean([0, 0]), cross, diagonal] : [diagonal, cross, mean([0, 0])];
  };

const PIXEL_READERS: Readonly<Record<RawImage["encoding"], PixelReader>> = {
  rgb8: packed(3, 0, 1, 2),
  bgr8: packed(3, 2, 1, 0),
  rgba8: packed(4, 0, 1, 2),
  bgra8: packed(4, 2, 1, 0),
  mono8: packed(1, 0, 0, 0),
  yuyv: packedYuv(0, 1, 3),
  uyvy: packedYuv(1, 0, 2),
  bayer_rggb8: mosaic(0, 0),
  bayer_grbg8: mosaic(1, 0),
  bayer_gbrg8: mosaic(0, 1),
  bayer_bggr8: mosaic(1, 1),
};
