/** Where a point of the output image lies in the source; both in pixels, pixel (0, 0) spans [0, 1)². */
export type SourceFromOutput = (x: number, y: number, source: Float64Array) => void;

export interface Geometry {
  readonly source: { readonly width: number; readonly height: number };
  readonly output: { readonly width: number; readonly height: number };
  readonly sourceFromOutput: SourceFromOutput;
  /** Parts per axis that an output pixel is cut into; 1 is exact when the mapping only scales and shifts. */
  readonly parts: readonly [x: number, y: number];
}

/** Axis-aligned boxes in the source, [left, top, right, bottom] each, row by row of the parts of all output pixels. */
export interface Footprints {
  readonly columns: number;
  readonly boxes: Float32Array;
}

/** Maps every part of every output pixel into the source and takes the box around its image. */
export function mapFootprints({ output, parts, sourceFromOutput }: Geometry): Footprints {
  const [partsX, partsY] = parts;
  const columns = output.width * partsX;
  const rows = output.height * partsY;
  const point = new Float64Array(2);
  const corners = (row: number, into: Float64Array) => {
    for (let column = 0; column <= columns; column++) {
      sourceFromOutput(column / partsX, row / partsY, point);
      into[2 * column] = point[0]!;
      into[2 * column + 1] = point[1]!;
    }
  };
  const boxes = new Float32Array(columns * rows * 4);
  let upper = new Float64Array(2 * (columns + 1));
  let lower = new Float64Array(2 * (columns + 1));
  corners(0, upper);
  for (let row = 0, box = 0; row < rows; row++) {
    corners(row + 1, lower);
    for (let column = 0; column < columns; column++, box += 4) {
      writeExtent(boxes, box, upper, lower, 2 * column);
      writeExtent(boxes, box + 1, upper, lower, 2 * column + 1);
    }
    [upper, lower] = [lower, upper];
  }
  return { columns, boxes };
}

/** Low and high edge along one axis of the parallelogram that a part's four corners are closest to. */
function writeExtent(boxes: Float32Array, box: number, upper: Float64Array, lower: Float64Array, corner: number): void {
  const a = upper[corner]!;
  const b = upper[corner + 2]!;
  const c = lower[corner]!;
  const d = lower[corner + 2]!;
  const centre = (a + b + c + d) / 4;
  const half = (Math.abs(b + d - a - c) + Math.abs(c + d - a - b)) / 4;
  boxes[box] = centre - half;
  boxes[box + 2] = centre + half;
}
