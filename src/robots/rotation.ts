type Vec3 = readonly [number, number, number];
/** Row-major. */
export type Mat3 = readonly [number, number, number, number, number, number, number, number, number];

export function multiply(a: Mat3, b: Mat3): Mat3 {
  const at = (row: 0 | 3 | 6, column: 0 | 1 | 2): number =>
    a[row] * b[column]! + a[row + 1]! * b[column + 3]! + a[row + 2]! * b[column + 6]!;
  return [at(0, 0), at(0, 1), at(0, 2), at(3, 0), at(3, 1), at(3, 2), at(6, 0), at(6, 1), at(6, 2)];
}

export function transform(m: Mat3, [x, y, z]: Vec3): Vec3 {
  return [m[0] * x + m[1] * y + m[2] * z, m[3] * x + m[4] * y + m[5] * z, m[6] * x + m[7] * y + m[8] * z];
}

/** Roll, pitch and yaw about the fixed axes x, y and z, as URDF means them. Units: rad. */
export function rpyRotation([roll, pitch, yaw]: Vec3): Mat3 {
  const aboutZ = axisRotation([0, 0, 1], yaw);
  return multiply(multiply(aboutZ, axisRotation([0, 1, 0], pitch)), axisRotation([1, 0, 0], roll));
}

/** About a unit vector, by the formula of Rodrigues. Units: rad. */
export function axisRotation([x, y, z]: Vec3, angleRad: number): Mat3 {
  const c = Math.cos(angleRad);
  const s = Math.sin(angleRad);
  const r = 1 - c;
  return [
    c + x * x * r,
    x * y * r - z * s,
    x * z * r + y * s,
    y * x * r + z * s,
    c + y * y * r,
    y * z * r - x * s,
    z * x * r - y * s,
    z * y * r + x * s,
    c + z * z * r,
  ];
}

/** x, y, z, w; w is never negative. From the largest of the four, so that no small number is divided by. */
export function quaternionOf([a, b, c, d, e, f, g, h, i]: Mat3): [number, number, number, number] {
  const squares = [1 + a - e - i, 1 - a + e - i, 1 - a - e + i, 1 + a + e + i];
  const largest = squares.indexOf(Math.max(...squares));
  const rows: readonly [number, number, number, number][] = [
    [squares[0]!, b + d, c + g, h - f],
    [b + d, squares[1]!, f + h, c - g],
    [c + g, f + h, squares[2]!, d - b],
    [h - f, c - g, d - b, squares[3]!],
  ];
  const [x, y, z, w] = rows[largest]!;
  const scale = (w < 0 ? -1 : 1) / Math.hypot(x, y, z, w);
  return [x * scale, y * scale, z * scale, w * scale];
}
