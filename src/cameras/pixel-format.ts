import type { PixelEncoding } from "../core/camera.ts";

/** What the kernel must know of a packed pixel layout: it reads pixels in pairs. */
export interface PixelFormat {
  readonly bytesPerPixel: number;
  /** Bytes of a pair that hold red, red, green, green, blue, blue (or Y, Y, U, U, V, V) of its two pixels. */
  readonly lanes: readonly [number, number, number, number, number, number];
  readonly colour: "rgb" | "yuv";
  /** A pair starts at a multiple of this many pixels. */
  readonly alignment: 1 | 2;
}

const RGBA8: PixelFormat = { bytesPerPixel: 4, lanes: [0, 4, 1, 5, 2, 6], colour: "rgb", alignment: 1 };
/** The format after the demosaic step, and the width of a pixel before it. */
const MOSAIC = { ...RGBA8, sourceBytesPerPixel: 1 };

const FORMATS: Readonly<Record<PixelEncoding, PixelFormat & { readonly sourceBytesPerPixel?: number }>> = {
  rgb8: { bytesPerPixel: 3, lanes: [0, 3, 1, 4, 2, 5], colour: "rgb", alignment: 1 },
  bgr8: { bytesPerPixel: 3, lanes: [2, 5, 1, 4, 0, 3], colour: "rgb", alignment: 1 },
  rgba8: RGBA8,
  bgra8: { bytesPerPixel: 4, lanes: [2, 6, 1, 5, 0, 4], colour: "rgb", alignment: 1 },
  mono8: { bytesPerPixel: 1, lanes: [0, 1, 0, 1, 0, 1], colour: "rgb", alignment: 1 },
  yuyv: { bytesPerPixel: 2, lanes: [0, 2, 1, 1, 3, 3], colour: "yuv", alignment: 2 },
  uyvy: { bytesPerPixel: 2, lanes: [1, 3, 0, 0, 2, 2], colour: "yuv", alignment: 2 },
  bayer_rggb8: MOSAIC,
  bayer_bggr8: MOSAIC,
  bayer_gbrg8: MOSAIC,
  bayer_grbg8: MOSAIC,
};

/** The layout that the resampling kernel reads; a mosaic is rgba8 by then. */
export function pixelFormat(encoding: PixelEncoding): PixelFormat {
  return FORMATS[encoding];
}

/** Bytes of one pixel as the camera sends it. */
export function sourceBytesPerPixel(encoding: PixelEncoding): number {
  return FORMATS[encoding].sourceBytesPerPixel ?? FORMATS[encoding].bytesPerPixel;
}

/** Column and row of red in a mosaic's 2 × 2 cell (blue lies diagonally across), or undefined for a packed encoding. */
export function redSite(encoding: PixelEncoding): readonly [column: 0 | 1, row: 0 | 1] | undefined {
  return RED_SITES[encoding];
}

const RED_SITES: Partial<Record<PixelEncoding, readonly [0 | 1, 0 | 1]>> = {
  bayer_rggb8: [0, 0],
  bayer_grbg8: [1, 0],
  bayer_gbrg8: [0, 1],
  bayer_bggr8: [1, 1],
};
