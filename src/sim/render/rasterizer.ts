import type { Scene } from "./scene.ts";
import type { ShadowMap } from "./shadow-map.ts";
import { SUBPIXELS, TriangleCoverage } from "./triangle.ts";
import type { VertexBuffer } from "./vertex-buffer.ts";

/** Nearest distance that is drawn. */
const NEAR_M = 0.01;

/** Attributes that are interpolated, each as value, change per column, change per row, all divided by the depth. */
const INVERSE_DEPTH = 0;
const DIFFUSE = 3;
const MAP_U = 6;
const MAP_V = 9;
const MAP_HEIGHT = 12;
const LOCAL_X = 15;
const LOCAL_Y = 18;
const PLANE_NUMBERS = 21;

/**
 * Fills triangles with perspective-correct shading and a z-buffer: the second stage of the pipeline.
 *
 * The z-buffer holds 1 / depth, so that 0 is infinitely far and interpolation on the screen is linear. Numbers go from
 * method to method in typed arrays: as arguments they would be boxed, once per triangle or even per pixel.
 */
export class Rasterizer {
  readonly #width: number;
  readonly #height: number;
  readonly #inverseDepth: Float32Array;
  readonly #coverage = new TriangleCoverage();
  /** Ambient and diffuse light times the surface colour, in bytes: rgb ambient, rgb diffuse, for even and odd cells. */
  readonly #shade = new Float64Array(12);
  readonly #cellsPerMetre = new Float64Array(2);
  /** By column of the span in work. */
  readonly #oddShare: Float64Array;
  readonly #polygon = new Int32Array(4);
  readonly #planes = new Float64Array(PLANE_NUMBERS);
  /** Of the triangle in work: 1 / depth of its corners; x and y from corner a to the centre of pixel (0, 0). */
  readonly #corner = new Float64Array(5);
  #out: Uint8Array = new Uint8Array(0);
  #vertices!: VertexBuffer;
  #shadow: ShadowMap | undefined;
  #focalPx = 1;
  #isCheckered = false;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#inverseDepth = new Float32Array(width * height);
    this.#oddShare = new Float64Array(width);
  }

  begin(out: Uint8Array, vertices: VertexBuffer, shadow: ShadowMap | undefined, focalPx: number): void {
    this.#out = out;
    this.#vertices = vertices;
    this.#shadow = shadow;
    this.#focalPx = focalPx;
    this.#inverseDepth.fill(0);
  }

  setColors(scene: Scene, geom: number): void {
    const checker = scene.checker.get(geom);
    this.#isCheckered = checker !== undefined;
    if (checker) this.#cellsPerMetre.set(checker.cellsPerMetre);
    for (let channel = 0; channel < 3; channel++) {
      const ambient = 255 * scene.lightAmbient[channel]!;
      const diffuse = 255 * scene.lightDiffuse[channel]!;
      const even = checker ? checker.even[channel]! : scene.color[3 * geom + channel]!;
      const odd = checker ? checker.odd[channel]! : even;
      this.#shade[channel] = ambient * even;
      this.#shade[3 + channel] = diffuse * even;
      this.#shade[6 + channel] = ambient * odd;
      this.#shade[9 + channel] = diffuse * odd;
    }
  }

  /** Draws the triangle of three vertices, counter-clockwise seen from its front, clipped at the near plane. */
  draw(a: number, b: number, c: number): void {
    const depth = this.#vertices.depth;
    const inA = depth[a]! > NEAR_M;
    const inB = depth[b]! > NEAR_M;
    const inC = depth[c]! > NEAR_M;
    if (inA && inB && inC) this.#fill(a, b, c);
    else if (inA || inB || inC) this.#drawClipped(a, b, c);
  }

  #drawClipped(a: number, b: number, c: number): void {
    const vertices = this.#vertices;
    const { depth, count: before } = vertices;
    const polygon = this.#polygon;
    let corners = 0;
    for (let edge = 0; edge < 3; edge++) {
      const p = edge === 0 ? a : edge === 1 ? b : c;
      const q = edge === 0 ? b : edge === 1 ? c : a;
      const pIn = depth[p]! > NEAR_M;
      if (pIn) polygon[corners++] = p;
      if (pIn !== depth[q]! > NEAR_M) {
        polygon[corners++] = vertices.interpolate(p, q, (NEAR_M - depth[p]!) / (depth[q]! - depth[p]!));
      }
    }
    this.#fill(polygon[0]!, polygon[1]!, polygon[2]!);
    if (corners === 4) this.#fill(polygon[0]!, polygon[2]!, polygon[3]!);
    vertices.count = before;
  }

  #fill(a: number, b: number, c: number): void {
    const vertices = this.#vertices;
    const { viewX, viewY, depth } = vertices;
    const f = this.#focalPx * SUBPIXELS;
    const centerX = (this.#width / 2) * SUBPIXELS;
    const centerY = (this.#height / 2) * SUBPIXELS;
    const ia = 1 / depth[a]!;
    const ib = 1 / depth[b]!;
    const ic = 1 / depth[c]!;
    const ax = Math.round(centerX + viewX[a]! * f * ia);
    const ay = Math.round(centerY - viewY[a]! * f * ia);
    const bx = Math.round(centerX + viewX[b]! * f * ib);
    const by = Math.round(centerY - viewY[b]! * f * ib);
    const cx = Math.round(centerX + viewX[c]! * f * ic);
    const cy = Math.round(centerY - viewY[c]! * f * ic);
    const coverage = this.#coverage;
    // Rows grow downwards, which turns the winding round: b and c change places.
    if (!coverage.setUp(ax, ay, cx, cy, bx, by, this.#width, this.#height)) return;

    const corner = this.#corner;
    corner[0] = ia;
    corner[1] = ib;
    corner[2] = ic;
    corner[3] = 0.5 - ax / SUBPIXELS;
    corner[4] = 0.5 - ay / SUBPIXELS;
    this.#setPlane(INVERSE_DEPTH, vertices.ones, a, b, c);
    this.#setPlane(DIFFUSE, vertices.diffuse, a, b, c);
    if (this.#shadow) {
      this.#setPlane(MAP_U, vertices.mapU, a, b, c);
      this.#setPlane(MAP_V, vertices.mapV, a, b, c);
      this.#setPlane(MAP_HEIGHT, vertices.mapHeight, a, b, c);
    }
    if (this.#isCheckered) {
      this.#setPlane(LOCAL_X, vertices.localX, a, b, c);
      this.#setPlane(LOCAL_Y, vertices.localY, a, b, c);
    }
    for (let y = coverage.minY; y <= coverage.maxY; y++) {
      coverage.span(y);
      if (coverage.first <= coverage.last) this.#shadeSpan(y, coverage.first, coverage.last);
    }
  }

  /** The attribute over the depth is linear on the screen: value(x, y) = v + x·vX + y·vY at the pixel's centre. */
  #setPlane(slot: number, values: Float64Array, a: number, b: number, c: number): void {
    const corner = this.#corner;
    const coverage = this.#coverage;
    const va = values[a]! * corner[0]!;
    const vb = values[b]! * corner[1]! - va;
    const vc = values[c]! * corner[2]! - va;
    const perX = vb * coverage.cPerX + vc * coverage.bPerX; // the coverage's b is our c
    const perY = vb * coverage.cPerY + vc * coverage.bPerY;
    this.#planes[slot] = va + corner[3]! * perX + corner[4]! * perY;
    this.#planes[slot + 1] = perX;
    this.#planes[slot + 2] = perY;
  }

  #shadeSpan(y: number, first: number, last: number): void {
    const planes = this.#planes;
    const out = this.#out;
    const inverseDepth = this.#inverseDepth;
    const shade = this.#shade;
    const ambientR = shade[0]!;
    const ambientG = shade[1]!;
    const ambientB = shade[2]!;
    const diffuseR = shade[3]!;
    const diffuseG = shade[4]!;
    const diffuseB = shade[5]!;
    const i0 = planes[INVERSE_DEPTH]! + y * planes[INVERSE_DEPTH + 2]!;
    const iX = planes[INVERSE_DEPTH + 1]!;
    const d0 = planes[DIFFUSE]! + y * planes[DIFFUSE + 2]!;
    const dX = planes[DIFFUSE + 1]!;
    const shadow = this.#shadow;
    const map = shadow === undefined ? inverseDepth : shadow.borrowHeights();
    const mapSize = shadow === undefined ? 0 : shadow.size;
    const lastTexel = mapSize - 1;
    const isCheckered = this.#isCheckered;
    const oddShare = this.#oddShare;
    if (isCheckered) this.#fillOddShare(y, first, last);
    const u0 = planes[MAP_U]! + y * planes[MAP_U + 2]!;
    const uX = planes[MAP_U + 1]!;
    const v0 = planes[MAP_V]! + y * planes[MAP_V + 2]!;
    const vX = planes[MAP_V + 1]!;
    const h0 = planes[MAP_HEIGHT]! + y * planes[MAP_HEIGHT + 2]!;
    const hX = planes[MAP_HEIGHT + 1]!;
    for (let x = first, pixel = y * this.#width + first; x <= last; x++, pixel++) {
      const inverse = i0 + x * iX;
      if (inverse <= inverseDepth[pixel]!) continue;
      inverseDepth[pixel] = inverse;
      const distance = 1 / inverse;
      let light = (d0 + x * dX) * distance;
      if (mapSize > 0 && light > 0) {
        // 2 × 2 bilinear percentage closer filtering.
        const u = (u0 + x * uX) * distance - 0.5;
        const v = (v0 + x * vX) * distance - 0.5;
        if (u >= 0 && v >= 0 && u < lastTexel && v < lastTexel) {
          const height = (h0 + x * hX) * distance;
          const column = u | 0;
          const row = v | 0;
          const texel = row * mapSize + column;
          const right = u - column;
          const left = 1 - right;
          const upper = (map[texel]! > height ? 0 : left) + (map[texel + 1]! > height ? 0 : right);
          const lower = (map[texel + mapSize]! > height ? 0 : left) + (map[texel + mapSize + 1]! > height ? 0 : right);
          light *= upper + (lower - upper) * (v - row);
        }
      }
      let red = ambientR + diffuseR * light;
      let green = ambientG + diffuseG * light;
      let blue = ambientB + diffuseB * light;
      if (isCheckered) {
        const odd = oddShare[x]!;
        red += odd * (shade[6]! - ambientR + (shade[9]! - diffuseR) * light);
        green += odd * (shade[7]! - ambientG + (shade[10]! - diffuseG) * light);
        blue += odd * (shade[8]! - ambientB + (shade[11]! - diffuseB) * light);
      }
      const at = 3 * pixel;
      out[at] = Math.min(255, red + 0.5);
      out[at + 1] = Math.min(255, green + 0.5);
      out[at + 2] = Math.min(255, blue + 0.5);
    }
  }

  /**
   * How much of each pixel of the span odd cells cover: a box filter, which fades to one half where a pixel spans two
   * cells. A pass of its own keeps the loop above small enough to be compiled well.
   */
  #fillOddShare(y: number, first: number, last: number): void {
    const planes = this.#planes;
    const oddShare = this.#oddShare;
    const cellsX = this.#cellsPerMetre[0]!;
    const cellsY = this.#cellsPerMetre[1]!;
    const iX = planes[INVERSE_DEPTH + 1]!;
    const iY = planes[INVERSE_DEPTH + 2]!;
    const i0 = planes[INVERSE_DEPTH]! + y * iY;
    const pX = planes[LOCAL_X + 1]! * cellsX;
    const pY = planes[LOCAL_X + 2]! * cellsX;
    const p0 = planes[LOCAL_X]! * cellsX + y * pY;
    const qX = planes[LOCAL_Y + 1]! * cellsY;
    const qY = planes[LOCAL_Y + 2]! * cellsY;
    const q0 = planes[LOCAL_Y]! * cellsY + y * qY;
    for (let x = first; x <= last; x++) {
      const distance = 1 / (i0 + x * iX);
      const p = (p0 + x * pX) * distance;
      const q = (q0 + x * qX) * distance;
      // Screen derivatives by the quotient rule: how much of a cell one pixel spans.
      const spanP = (Math.abs(pX - p * iX) + Math.abs(pY - p * iY)) * distance;
      const spanQ = (Math.abs(qX - q * iX) + Math.abs(qY - q * iY)) * distance;
      const edgeP = Math.floor(p + 0.5);
      const edgeQ = Math.floor(q + 0.5);
      // Distance to the nearest edge in half pixels, at most 1: on which side of it the pixel is, and how surely.
      const sideP = Math.max(-1, Math.min(1, (2 * (p - edgeP)) / spanP));
      const sideQ = Math.max(-1, Math.min(1, (2 * (q - edgeQ)) / spanQ));
      const contrast = Math.max(0, Math.min(1, 2 - spanP)) * Math.max(0, Math.min(1, 2 - spanQ));
      const parity = (edgeP + edgeQ) / 2;
      oddShare[x] = 0.5 - (parity === Math.floor(parity) ? 0.5 : -0.5) * sideP * sideQ * contrast;
    }
  }
}
