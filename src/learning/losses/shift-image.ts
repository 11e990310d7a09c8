/**
 * Moves an image by whole pixels; what comes in from outside repeats the border.
 *
 * Shapes: image, out [Y, X, 3]
 * Source: Yarats et al. 2021, arXiv:2107.09645, section 3.1. Differs: without interpolation, which whole pixels do not need.
 */
export function shiftImage(
  image: Uint8Array,
  out: Uint8Array,
  width: number,
  height: number,
  columns: number,
  rows: number,
): void {
  const stride = 3 * width;
  const inside = (index: number, count: number) => Math.min(count - 1, Math.max(0, index));
  for (let y = 0; y < height; y++) {
    const from = inside(y - rows, height) * stride;
    for (let x = 0; x < width; x++) {
      const source = from + 3 * inside(x - columns, width);
      const target = y * stride + 3 * x;
      out[target] = image[source]!;
      out[target + 1] = image[source + 1]!;
      out[target + 2] = image[source + 2]!;
    }
  }
}
