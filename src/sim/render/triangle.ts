/** Sub-pixel positions per pixel: vertices snap to this grid, which makes every edge test exact in float64. */
export const SUBPIXELS = 256;

/**
 * Set-up of one screen triangle and its exact coverage, row by row.
 *
 * A pixel belongs to the triangle that holds its centre; a centre on a shared edge belongs to the triangle for which
 * that edge is a left or a top one. So triangles that share an edge neither overlap nor leave a gap.
 * Units: snapped coordinates in 1/SUBPIXELS pixel, x right and y down.
 */
export class TriangleCoverage {
  /** Pixel rows and columns that may be covered. */
  minX = 0;
  maxX = -1;
  minY = 0;
  maxY = -1;
  /** Columns covered in the row of the last `span` call: empty when last < first. */
  first = 0;
  last = -1;
  /** Change of the weights of vertices b and c per pixel in x and in y. */
  bPerX = 0;
  bPerY = 0;
  cPerX = 0;
  cPerY = 0;

  // Edge functions E = e0 + px·eX + py·eY at pixel (px, py), ≥ 0 inside; 0: edge a→b, 1: b→c, 2: c→a.
  readonly #e0 = new Float64Array(3);
  readonly #eX = new Float64Array(3);
  readonly #eY = new Float64Array(3);

  /** Positions must be snapped whole numbers; false when the triangle is turned away, degenerate or off screen. */
  setUp(
    ax: number,
    ay: number,
    bx: number,
    by: number,
    cx: number,
    cy: number,
    width: number,
    height: number,
  ): boolean {
    const area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
    if (area <= 0) return false;
    const half = SUBPIXELS / 2;
    const minX = Math.max(0, Math.ceil((Math.min(ax, bx, cx) - half) / SUBPIXELS));
    const maxX = Math.min(width - 1, Math.floor((Math.max(ax, bx, cx) - half) / SUBPIXELS));
    const minY = Math.max(0, Math.ceil((Math.min(ay, by, cy) - half) / SUBPIXELS));
    const maxY = Math.min(height - 1, Math.floor((Math.max(ay, by, cy) - half) / SUBPIXELS));
    if (minX > maxX || minY > maxY) return false;
    // `| 0` tells the compiler that loops over these count in integers, which doubles the speed of filling.
    this.minX = minX | 0;
    this.maxX = maxX | 0;
    this.minY = minY | 0;
    this.maxY = maxY | 0;
    this.#edge(0, ax, ay, bx, by);
    this.#edge(1, bx, by, cx, cy);
    this.#edge(2, cx, cy, ax, ay);
    const perPixel = SUBPIXELS / area;
    this.bPerX = (cy - ay) * perPixel;
    this.bPerY = -(cx - ax) * perPixel;
    this.cPerX = -(by - ay) * perPixel;
    this.cPerY = (bx - ax) * perPixel;
    return true;
  }

  #edge(i: number, px: number, py: number, qx: number, qy: number): void {
    const dx = qx - px;
    const dy = qy - py;
    const half = SUBPIXELS / 2;
    const ownsItsPixels = dy < 0 || (dy === 0 && dx > 0); // a left or a top edge
    this.#e0[i] = dx * (half - py) - dy * (half - px) - (ownsItsPixels ? 0 : 1);
    this.#eX[i] = -dy * SUBPIXELS;
    this.#eY[i] = dx * SUBPIXELS;
  }

  /** Finds the columns `first`…`last` covered in a row. */
  span(row: number): void {
    let first = this.minX;
    let last = this.maxX;
    for (let i = 0; i < 3; i++) {
      const value = this.#e0[i]! + row * this.#eY[i]!;
      const perX = this.#eX[i]!;
      if (perX > 0) first = Math.max(first, Math.ceil(-value / perX));
      else if (perX < 0) last = Math.min(last, Math.floor(value / -perX));
      else if (value < 0) last = this.minX - 1;
    }
    this.first = Math.min(first, this.maxX + 1) | 0;
    this.last = Math.max(last, this.minX - 1) | 0;
  }
}
