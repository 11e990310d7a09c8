/**
 * The unit quaternion x, y, z, w of a rotation; w is never negative. It starts from the largest of the four, so that no small number
 * is divided by.
 *
 * Shapes: rotation [3, 3] row-major
 */
export function quaternionOf(rotation: ArrayLike<number>): readonly [number, number, number, number] {
  const [a, b, c, d, e, f, g, h, i] = Array.from(rotation) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const rows: readonly (readonly [number, number, number, number])[] = [
    [1 + a - e - i, b + d, c + g, h - f],
    [b + d, 1 - a + e - i, f + h, c - g],
    [c + g, f + h, 1 - a - e + i, d - b],
    [h - f, c - g, d - b, 1 + a + e + i],
  ];
  const [x, y, z, w] = rows.reduce((best, row, k) => (row[k]! > best[rows.indexOf(best)]! ? row : best));
  const scale = (w < 0 ? -1 : 1) / Math.hypot(x, y, z, w);
  return [x * scale, y * scale, z * scale, w * scale];
}
