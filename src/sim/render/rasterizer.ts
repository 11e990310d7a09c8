import type { Checker, Scene } from "./scene.ts";
import type { ShadowMap } from "./shadow-map.ts";
import { SUBPIXELS, TriangleCoverage } from "./triangle.ts";
import type { VertexBuffer } from "./vertex-buffer.ts";

/** Nearest distance that is drawn. */
const NEAR_M = 0.01;

/**
 * Fills triangles with perspective-correct shading and a z-buffer: the second stage of the pipeline.
 *
 * The z-buffer holds 1 / depth, so that 0 is infinitely far and interpolation on the screen is linear.
 */
export class Rasterizer {
  readonly #width: number;
  readonly #height: number;
  readonly #inverseDepth: Float32Array;
  readonly #coverage = new TriangleCoverage();
  /** Ambient and diffuse light times the surface colour, in bytes: rgb ambient, rgb diffuse, for even and odd cells. */
  readonly #shade = new Float64Array(12);
  readonly #polygon = new Int32Array(4);
  #out: Uint8Array = new Uint8Array(0);
  #vertices!: VertexBuffer;
  #shadow: ShadowMap | undefined;
  #focalPx = 1;
  #checker: Checker | undefined;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#inverseDepth = new Float32Array(width * height);
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
    this.#checker = checker;
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
    const { bPerX: cPerX, bPerY: cPerY, cPerX: bPerX, cPerY: bPerY } = coverage;

    // Attributes over depth are linear on the screen: value(x, y) = v0 + x·vX + y·vY at the pixel's centre.
    const x0 = 0.5 - ax / SUBPIXELS;
    const y0 = 0.5 - ay / SUBPIXELS;
    const iX = (ib - ia) * bPerX + (ic - ia) * cPerX;
    const iY = (ib - ia) * bPerY + (ic - ia) * cPerY;
    const i0 = ia + x0 * iX + y0 * iY;

    const { diffuse } = vertices;
    const da = diffuse[a]! * ia;
    const db = diffuse[b]! * ib - da;
    const dc = diffuse[c]! * ic - da;
    const dX = db * bPerX + dc * cPerX;
    const dY = db * bPerY + dc * cPerY;
    const d0 = da + x0 * dX + y0 * dY;

    const shadow = da > 0 || db > 0 || dc > 0 ? this.#shadow : undefined;
    let u0 = 0;
    let uX = 0;
    let uY = 0;
    let v0 = 0;
    let vX = 0;
    let vY = 0;
    let h0 = 0;
    let hX = 0;
    let hY = 0;
    if (shadow) {
      const { mapU, mapV, mapHeight } = vertices;
      const ua = mapU[a]! * ia;
      const ub = mapU[b]! * ib - ua;
      const uc = mapU[c]! * ic - ua;
      uX = ub * bPerX + uc * cPerX;
      uY = ub * bPerY + uc * cPerY;
      u0 = ua + x0 * uX + y0 * uY;
      const va = mapV[a]! * ia;
      const vb = mapV[b]! * ib - va;
      const vc = mapV[c]! * ic - va;
      vX = vb * bPerX + vc * cPerX;
      vY = vb * bPerY + vc * cPerY;
      v0 = va + x0 * vX + y0 * vY;
      const ha = mapHeight[a]! * ia;
      const hb = mapHeight[b]! * ib - ha;
      const hc = mapHeight[c]! * ic - ha;
      hX = hb * bPerX + hc * cPerX;
      hY = hb * bPerY + hc * cPerY;
      h0 = ha + x0 * hX + y0 * hY;
    }
    const checker = this.#checker;
    let p0 = 0;
    let pX = 0;
    let pY = 0;
    let q0 = 0;
    let qX = 0;
    let qY = 0;
    if (checker) {
      const { localX, localY } = vertices;
      const cellsX = checker.cellsPerMetre[0];
      const cellsY = checker.cellsPerMetre[1];
      const pa = localX[a]! * cellsX * ia;
      const pb = localX[b]! * cellsX * ib - pa;
      const pc = localX[c]! * cellsX * ic - pa;
      pX = pb * bPerX + pc * cPerX;
      pY = pb * bPerY + pc * cPerY;
      p0 = pa + x0 * pX + y0 * pY;
      const qa = localY[a]! * cellsY * ia;
      const qb = localY[b]! * cellsY * ib - qa;
      const qc = localY[c]! * cellsY * ic - qa;
      qX = qb * bPerX + qc * cPerX;
      qY = qb * bPerY + qc * cPerY;
      q0 = qa + x0 * qX + y0 * qY;
    }

    const out = this.#out;
    const inverseDepth = this.#inverseDepth;
    const shade = this.#shade;
    const ambientR = shade[0]!;
    const ambientG = shade[1]!;
    const ambientB = shade[2]!;
    const diffuseR = shade[3]!;
    const diffuseG = shade[4]!;
    const diffuseB = shade[5]!;
    for (let y = coverage.minY; y <= coverage.maxY; y++) {
      coverage.span(y);
      const { first, last } = coverage;
      for (let x = first, pixel = y * this.#width + first; x <= last; x++, pixel++) {
        const inverse = i0 + x * iX + y * iY;
        if (inverse <= inverseDepth[pixel]!) continue;
        inverseDepth[pixel] = inverse;
        const distance = 1 / inverse;
        let light = (d0 + x * dX + y * dY) * distance;
        if (shadow && light > 0) {
          light *= shadow.visibility(
            (u0 + x * uX + y * uY) * distance,
            (v0 + x * vX + y * vY) * distance,
            (h0 + x * hX + y * hY) * distance,
          );
        }
        let red = ambientR + diffuseR * light;
        let green = ambientG + diffuseG * light;
        let blue = ambientB + diffuseB * light;
        if (checker) {
          const p = (p0 + x * pX + y * pY) * distance;
          const q = (q0 + x * qX + y * qY) * distance;
          // Screen derivatives of p and q by the quotient rule: how much of a cell one pixel spans.
          const spanP = (Math.abs(pX - p * iX) + Math.abs(pY - p * iY)) * distance;
          const spanQ = (Math.abs(qX - q * iX) + Math.abs(qY - q * iY)) * distance;
          const odd = 0.5 - 0.5 * stripes(p, spanP) * stripes(q, spanQ);
          red += odd * (shade[6]! - ambientR + (shade[9]! - diffuseR) * light);
          green += odd * (shade[7]! - ambientG + (shade[10]! - diffuseG) * light);
          blue += odd * (shade[8]! - ambientB + (shade[11]! - diffuseB) * light);
        }
        const at = 3 * pixel;
        out[at] = red < 255 ? red + 0.5 : 255;
        out[at + 1] = green < 255 ? green + 0.5 : 255;
        out[at + 2] = blue < 255 ? blue + 0.5 : 255;
      }
    }
  }
}

/** Mean over a window of the square wave that is 1 on even cells and -1 on odd ones. */
function stripes(position: number, window: number): number {
  const width = Math.max(window, 1e-6);
  return (stripesIntegral(position + width / 2) - stripesIntegral(position - width / 2)) / width;
}

/** Integral of the square wave: a triangle wave between 0 and 1. */
function stripesIntegral(position: number): number {
  const phase = position - 2 * Math.floor(position / 2);
  return phase < 1 ? phase : 2 - phase;
}
