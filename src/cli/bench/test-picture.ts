import type { PixelEncoding, RawImage } from "../../core/camera.ts";

const NUMBER_OF_BYTES: Partial<Record<PixelEncoding, number>> = {
  rgb8: 3,
  bgr8: 3,
  rgba8: 4,
  bgra8: 4,
  yuyv: 2,
  uyvy: 2,
};
const RED_SITES: Partial<Record<PixelEncoding, readonly [number, number]>> = {
  bayer_rggb8: [0, 0],
  bayer_grbg8: [1, 0],
  bayer_gbrg8: [0, 1],
  bayer_bggr8: [1, 1],
};

/**
 * A picture as a camera sees a table: soft shading, coloured blocks with sharp edges, fine texture. The same scene in
 * every encoding, within the colours that YUV can carry.
 */
export function testPicture(encoding: PixelEncoding, width: number, height: number): RawImage {
  const bytesPerPixel = NUMBER_OF_BYTES[encoding] ?? 1;
  const stride = width * bytesPerPixel;
  const data = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(encodePixel(encoding, x, y), y * stride + x * bytesPerPixel);
  }
  return { encoding, width, height, stride, data, stampNs: 0n };
}

type Rgb = readonly [number, number, number];

function colourAt(x: number, y: number): Rgb {
  const shade = 100 + 40 * Math.sin(x / 140) + 25 * Math.cos(y / 90);
  const texture = 8 * Math.sin(x * 1.7) * Math.cos(y * 1.3);
  const inBlock = (x % 160) - 80 > -45 && (x % 160) - 80 < 40 && (y % 120) - 60 > -30 && (y % 120) - 60 < 35;
  const [red, green, blue] = inBlock ? [45, -20, -35] : [0, 0, 10];
  return [shade + red + texture, shade + green + texture, shade + blue + texture];
}

function encodePixel(encoding: PixelEncoding, x: number, y: number): number[] {
  const [r, g, b] = colourAt(x, y);
  switch (encoding) {
    case "rgb8":
      return [r, g, b];
    case "bgr8":
      return [b, g, r];
    case "rgba8":
      return [r, g, b, 255];
    case "bgra8":
      return [b, g, r, 255];
    case "mono8":
      return [g];
    case "yuyv":
      return [luma([r, g, b]), chroma(x, y)];
    case "uyvy":
      return [chroma(x, y), luma([r, g, b])];
    default:
      return [mosaicSample(encoding, x, y, [r, g, b])];
  }
}

/** BT.601, limited range. */
function luma([r, g, b]: Rgb): number {
  return 16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255;
}

/** U of the pair's left pixel at even columns, V at odd ones. */
function chroma(x: number, y: number): number {
  const [r, g, b] = colourAt(x - (x % 2), y);
  const weighted = x % 2 === 0 ? -37.797 * r - 74.203 * g + 112 * b : 112 * r - 93.786 * g - 18.214 * b;
  return 128 + weighted / 255;
}

function mosaicSample(encoding: PixelEncoding, x: number, y: number, [r, g, b]: Rgb): number {
  const [redX, redY] = RED_SITES[encoding]!;
  const inRedColumn = x % 2 === redX;
  const inRedRow = y % 2 === redY;
  if (inRedColumn !== inRedRow) return g;
  return inRedRow ? r : b;
}
