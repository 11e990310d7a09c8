import { SUBPIXELS, TriangleCoverage } from "./triangle.ts";

/**
 * Depth seen from a directional light: which points does something nearer to the light shade?
 *
 * Timing: allocates nothing after construction.
 * Source: Williams 1978; the rasteriser looks it up with percentage closer filtering (Reeves et al. 1987).
 */
export class ShadowMap {
  readonly size: number;
  /** Height towards the light of the nearest surface. */
  readonly #height: Float32Array;
  readonly #coverage = new TriangleCoverage();
  // Light frame: lightFromWorld rows u, v (map axes) and d (towards the light).
  readonly #u = new Float64Array(3);
  readonly #v = new Float64Array(3);
  readonly #d = new Float64Array(3);
  #originU = 0;
  #originV = 0;
  #texelsPerMetre = 1;

  constructor(size: number) {
    this.size = size;
    this.#height = new Float32Array(size * size);
  }

  get texelM(): number {
    return 1 / this.#texelsPerMetre;
  }

  /** Points the light along the unit vector (x, y, z) towards the light. */
  aim(x: number, y: number, z: number): void {
    this.#d[0] = x;
    this.#d[1] = y;
    this.#d[2] = z;
    // u is perpendicular to d and to the axis that d is least along.
    const upright = Math.abs(z) < 0.9;
    const ux = upright ? -y : 0;
    const uy = upright ? x : -z;
    const uz = upright ? 0 : y;
    const norm = Math.sqrt(ux * ux + uy * uy + uz * uz);
    this.#u[0] = ux / norm;
    this.#u[1] = uy / norm;
    this.#u[2] = uz / norm;
    this.#v[0] = (y * uz - z * uy) / norm;
    this.#v[1] = (z * ux - x * uz) / norm;
    this.#v[2] = (x * uy - y * ux) / norm;
  }

  /** Shapes: [size, size]; a point is lit where nothing is higher than it. Valid until the next frame. */
  borrowHeights(): Float32Array {
    return this.#height;
  }

  mapU(x: number, y: number, z: number): number {
    return (x * this.#u[0]! + y * this.#u[1]! + z * this.#u[2]! - this.#originU) * this.#texelsPerMetre;
  }

  mapV(x: number, y: number, z: number): number {
    return (x * this.#v[0]! + y * this.#v[1]! + z * this.#v[2]! - this.#originV) * this.#texelsPerMetre;
  }

  height(x: number, y: number, z: number): number {
    return x * this.#d[0]! + y * this.#d[1]! + z * this.#d[2]!;
  }

  /**
   * Fits the map around spheres and clears it.
   *
   * The scale takes few discrete values and the origin moves by whole texels, so that shadows do not crawl while the
   * casters move.
   */
  fit(count: number, casts: (i: number) => boolean, position: Float64Array, radius: Float64Array): void {
    let minU = Number.POSITIVE_INFINITY;
    let minV = Number.POSITIVE_INFINITY;
    let maxU = Number.NEGATIVE_INFINITY;
    let maxV = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      if (!casts(i)) continue;
      const x = position[3 * i]!;
      const y = position[3 * i + 1]!;
      const z = position[3 * i + 2]!;
      const r = radius[i]!;
      const u = x * this.#u[0]! + y * this.#u[1]! + z * this.#u[2]!;
      const v = x * this.#v[0]! + y * this.#v[1]! + z * this.#v[2]!;
      minU = Math.min(minU, u - r);
      maxU = Math.max(maxU, u + r);
      minV = Math.min(minV, v - r);
      maxV = Math.max(maxV, v + r);
    }
    this.#height.fill(Number.NEGATIVE_INFINITY);
    if (maxU < minU) return;
    const extent = 1.25 ** Math.ceil(Math.log(Math.max(maxU - minU, maxV - minV, 1e-3) * 1.02) / Math.log(1.25));
    this.#texelsPerMetre = this.size / extent;
    const snapped = (center: number) => Math.round(center * this.#texelsPerMetre) / this.#texelsPerMetre - extent / 2;
    this.#originU = snapped((minU + maxU) / 2);
    this.#originV = snapped((minV + maxV) / 2);
  }

  /** Draws a triangle whose corners are given as map coordinates and heights. */
  draw(
    au: number,
    av: number,
    ah: number,
    bu: number,
    bv: number,
    bh: number,
    cu: number,
    cv: number,
    ch: number,
  ): void {
    const ax = Math.round(au * SUBPIXELS);
    const ay = Math.round(av * SUBPIXELS);
    const coverage = this.#coverage;
    if (
      !coverage.setUp(
        ax,
        ay,
        Math.round(bu * SUBPIXELS),
        Math.round(bv * SUBPIXELS),
        Math.round(cu * SUBPIXELS),
        Math.round(cv * SUBPIXELS),
        this.size,
        this.size,
      )
    ) {
      return;
    }
    const perX = (bh - ah) * coverage.bPerX + (ch - ah) * coverage.cPerX;
    const perY = (bh - ah) * coverage.bPerY + (ch - ah) * coverage.cPerY;
    const height = this.#height;
    for (let y = coverage.minY; y <= coverage.maxY; y++) {
      coverage.span(y);
      const row = ah + (y + 0.5 - ay / SUBPIXELS) * perY + (0.5 - ax / SUBPIXELS) * perX;
      for (let x = coverage.first, i = y * this.size + x; x <= coverage.last; x++, i++) {
        const here = row + x * perX;
        if (here > height[i]!) height[i] = here;
      }
    }
  }
}
