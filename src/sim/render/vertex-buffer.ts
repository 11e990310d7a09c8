import type { Mesh } from "./mesh.ts";
import type { Scene } from "./scene.ts";
import type { ShadowMap } from "./shadow-map.ts";

/** The largest mesh has 1,300 vertices; clipping a triangle adds two. */
const CAPACITY = 2048;

/**
 * Vertices of the geom that is being drawn, transformed: the first stage of the pipeline.
 *
 * Units: view space in metres, x right, y up, `depth` forward; map coordinates in texels of the shadow map.
 */
export class VertexBuffer {
  readonly viewX = new Float64Array(CAPACITY);
  readonly viewY = new Float64Array(CAPACITY);
  readonly depth = new Float64Array(CAPACITY);
  /** Cosine between the normal and the light, at least 0. */
  readonly diffuse = new Float64Array(CAPACITY);
  readonly mapU = new Float64Array(CAPACITY);
  readonly mapV = new Float64Array(CAPACITY);
  readonly mapHeight = new Float64Array(CAPACITY);
  /** Position in the geom's own frame, for patterns. */
  readonly localX = new Float64Array(CAPACITY);
  readonly localY = new Float64Array(CAPACITY);
  /** The attribute that turns into the inverse depth when it is interpolated. */
  readonly ones = new Float64Array(CAPACITY).fill(1);
  count = 0;

  lightX = 0;
  lightY = 0;
  lightZ = 1;

  readonly #camera = new Float64Array(12); // position, then viewFromWorld rows (right, up, forward)
  #focalPx = 1;
  #halfWidthPx = 1;
  #halfHeightPx = 1;

  /** Unit vector towards the light. */
  placeLight(x: number, y: number, z: number): void {
    this.lightX = x;
    this.lightY = y;
    this.lightZ = z;
  }

  placeCamera(
    position: Float64Array,
    rotation: Float64Array,
    index: number,
    focalPx: number,
    width: number,
    height: number,
  ): void {
    const m = 9 * index;
    for (let axis = 0; axis < 3; axis++) {
      this.#camera[axis] = position[3 * index + axis]!;
      this.#camera[3 + axis] = rotation[m + 3 * axis]!;
      this.#camera[6 + axis] = rotation[m + 3 * axis + 1]!;
      this.#camera[9 + axis] = -rotation[m + 3 * axis + 2]!;
    }
    this.#focalPx = focalPx;
    this.#halfWidthPx = width / 2;
    this.#halfHeightPx = height / 2;
  }

  /** Radius in pixels of a geom's curved parts where it is nearest, or -1 when none of it can be in the picture. */
  projectedRadius(scene: Scene, geom: number): number {
    const position = scene.geomPosition;
    const radius = scene.geomRadius[geom]!;
    const c = this.#camera;
    const x = position[3 * geom]! - c[0]!;
    const y = position[3 * geom + 1]! - c[1]!;
    const z = position[3 * geom + 2]! - c[2]!;
    const depth = x * c[9]! + y * c[10]! + z * c[11]!;
    if (depth < -radius) return -1;
    const f = this.#focalPx;
    const outRight = Math.abs(x * c[3]! + y * c[4]! + z * c[5]!) * f - depth * this.#halfWidthPx;
    if (outRight > radius * Math.sqrt(f * f + this.#halfWidthPx * this.#halfWidthPx)) return -1;
    const outUp = Math.abs(x * c[6]! + y * c[7]! + z * c[8]!) * f - depth * this.#halfHeightPx;
    if (outUp > radius * Math.sqrt(f * f + this.#halfHeightPx * this.#halfHeightPx)) return -1;
    return depth > radius ? (scene.geomSize[3 * geom]! * f) / (depth - radius) : Number.MAX_VALUE;
  }

  transform(
    mesh: Mesh,
    scene: Scene,
    geom: number,
    scale: Float64Array,
    stretch: number,
    shadow: ShadowMap | undefined,
  ): void {
    const c = this.#camera;
    const px = c[0]!;
    const py = c[1]!;
    const pz = c[2]!;
    const rx = c[3]!;
    const ry = c[4]!;
    const rz = c[5]!;
    const ux = c[6]!;
    const uy = c[7]!;
    const uz = c[8]!;
    const fx = c[9]!;
    const fy = c[10]!;
    const fz = c[11]!;
    const { geomRotation: m, geomPosition: p } = scene;
    const o = 9 * geom;
    const m0 = m[o]!;
    const m1 = m[o + 1]!;
    const m2 = m[o + 2]!;
    const m3 = m[o + 3]!;
    const m4 = m[o + 4]!;
    const m5 = m[o + 5]!;
    const m6 = m[o + 6]!;
    const m7 = m[o + 7]!;
    const m8 = m[o + 8]!;
    const gx = p[3 * geom]!;
    const gy = p[3 * geom + 1]!;
    const gz = p[3 * geom + 2]!;
    const { position, normal } = mesh;
    // Looking up shadows a little off the surface keeps it from shading itself.
    const lift = shadow ? 1.5 * shadow.texelM : 0;
    for (let i = 0, j = 0; i < mesh.vertexCount; i++, j += 3) {
      const lx = position[j]! * scale[0]!;
      const ly = position[j + 1]! * scale[1]!;
      const lz = position[j + 2]! * scale[2]! + mesh.stretch[i]! * stretch;
      const wx = m0 * lx + m1 * ly + m2 * lz + gx;
      const wy = m3 * lx + m4 * ly + m5 * lz + gy;
      const wz = m6 * lx + m7 * ly + m8 * lz + gz;
      const nx = m0 * normal[j]! + m1 * normal[j + 1]! + m2 * normal[j + 2]!;
      const ny = m3 * normal[j]! + m4 * normal[j + 1]! + m5 * normal[j + 2]!;
      const nz = m6 * normal[j]! + m7 * normal[j + 1]! + m8 * normal[j + 2]!;
      this.diffuse[i] = Math.max(0, nx * this.lightX + ny * this.lightY + nz * this.lightZ);
      const x = wx - px;
      const y = wy - py;
      const z = wz - pz;
      this.viewX[i] = x * rx + y * ry + z * rz;
      this.viewY[i] = x * ux + y * uy + z * uz;
      this.depth[i] = x * fx + y * fy + z * fz;
      this.localX[i] = lx;
      this.localY[i] = ly;
      if (shadow) this.#toMap(shadow, i, wx + nx * lift, wy + ny * lift, wz + nz * lift);
    }
    this.count = mesh.vertexCount;
  }

  transformForShadow(
    mesh: Mesh,
    scene: Scene,
    geom: number,
    scale: Float64Array,
    stretch: number,
    shadow: ShadowMap,
  ): void {
    const { geomRotation: m, geomPosition: p } = scene;
    const { position } = mesh;
    const o = 9 * geom;
    const m0 = m[o]!;
    const m1 = m[o + 1]!;
    const m2 = m[o + 2]!;
    const m3 = m[o + 3]!;
    const m4 = m[o + 4]!;
    const m5 = m[o + 5]!;
    const m6 = m[o + 6]!;
    const m7 = m[o + 7]!;
    const m8 = m[o + 8]!;
    const gx = p[3 * geom]!;
    const gy = p[3 * geom + 1]!;
    const gz = p[3 * geom + 2]!;
    for (let i = 0, j = 0; i < mesh.vertexCount; i++, j += 3) {
      const lx = position[j]! * scale[0]!;
      const ly = position[j + 1]! * scale[1]!;
      const lz = position[j + 2]! * scale[2]! + mesh.stretch[i]! * stretch;
      const wx = m0 * lx + m1 * ly + m2 * lz + gx;
      const wy = m3 * lx + m4 * ly + m5 * lz + gy;
      const wz = m6 * lx + m7 * ly + m8 * lz + gz;
      this.#toMap(shadow, i, wx, wy, wz);
    }
    this.count = mesh.vertexCount;
  }

  #toMap(shadow: ShadowMap, i: number, x: number, y: number, z: number): void {
    this.mapU[i] = shadow.mapU(x, y, z);
    this.mapV[i] = shadow.mapV(x, y, z);
    this.mapHeight[i] = shadow.height(x, y, z);
  }

  /** Appends the point a share `t` of the way from vertex p to vertex q, and returns its index. */
  interpolate(p: number, q: number, t: number): number {
    const at = this.count++;
    for (const values of this.#all) values[at] = values[p]! + (values[q]! - values[p]!) * t;
    return at;
  }

  readonly #all: readonly Float64Array[] = [
    this.viewX,
    this.viewY,
    this.depth,
    this.diffuse,
    this.mapU,
    this.mapV,
    this.mapHeight,
    this.localX,
    this.localY,
  ];
}
