import { LatentloopError } from "../../core/errors.ts";
import { boxMesh, capsuleMesh, cylinderMesh, type Mesh, planeMesh } from "./mesh.ts";
import { Rasterizer } from "./rasterizer.ts";
import { GEOM_BOX, GEOM_CAPSULE, GEOM_CYLINDER, GEOM_PLANE, GEOM_SPHERE, type Scene } from "./scene.ts";
import { ShadowMap } from "./shadow-map.ts";
import { VertexBuffer } from "./vertex-buffer.ts";

const PLANE = planeMesh();
const BOX = boxMesh();
/** Segments around, by the largest radius in pixels that they serve. */
const LEVELS = [
  { radiusPx: 4, segments: 12 },
  { radiusPx: 24, segments: 24 },
  { radiusPx: Number.POSITIVE_INFINITY, segments: 48 },
].map(({ radiusPx, segments }) => ({
  radiusPx,
  capsule: capsuleMesh(segments),
  cylinder: cylinderMesh(segments),
}));
/** Half extent in metres of planes that MuJoCo treats as infinite. */
const INFINITE_HALF_M = 50;

const SKY_TOP = [200, 210, 225] as const;
const SKY_BOTTOM = [130, 140, 155] as const;

/**
 * Draws a scene of primitives from one of its cameras into rgb bytes: the same scene gives the same bytes everywhere.
 *
 * One directional light (the scene's first) with Lambert shading and an optional shadow map, ambient light, a sky.
 * Surfaces are opaque: a geom of alpha 0 is hidden, any other alpha counts as 1.
 * Timing: allocates nothing per frame.
 */
export class Renderer {
  readonly width: number;
  readonly height: number;
  readonly #sky: Uint8Array;
  readonly #vertices = new VertexBuffer();
  readonly #rasterizer: Rasterizer;
  readonly #shadow: ShadowMap | undefined;
  readonly #scale = new Float64Array(3);
  #scene: Scene | undefined;
  /** Half the length of the capsule that is being drawn. */
  #stretch = 0;

  constructor(width: number, height: number, options: { readonly shadows: boolean }) {
    if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected an image of whole positive size but received ${width} × ${height}.`,
      );
    }
    this.width = width;
    this.height = height;
    this.#rasterizer = new Rasterizer(width, height);
    this.#sky = skyOf(width, height);
    if (options.shadows) {
      const texels = 2 ** Math.ceil(Math.log2(2 * Math.max(width, height)));
      this.#shadow = new ShadowMap(Math.min(1024, Math.max(128, texels)));
    }
  }

  /**
   * Shapes: out [height, width, 3]
   * @throws ERR_SHAPE_MISMATCH if `out` has another length
   */
  render(scene: Scene, camera: number, out: Uint8Array): void {
    if (out.length !== this.#sky.length) {
      throw new LatentloopError(
        "ERR_SHAPE_MISMATCH",
        `Expected ${this.#sky.length} bytes for a ${this.width} × ${this.height} image but received ${out.length}.`,
      );
    }
    this.#scene = scene;
    out.set(this.#sky);
    const light = scene.lightDirection;
    const norm = -Math.sqrt(light[0]! ** 2 + light[1]! ** 2 + light[2]! ** 2) || -1;
    this.#vertices.placeLight(light[0]! / norm, light[1]! / norm, light[2]! / norm);
    const vertices = this.#vertices;
    const focalPx = this.height / 2 / Math.tan((scene.cameraFovy[camera]! * Math.PI) / 360);
    vertices.placeCamera(scene.cameraPosition, scene.cameraRotation, camera, focalPx, this.width, this.height);
    if (this.#shadow) this.#castShadows(scene, this.#shadow);
    this.#rasterizer.begin(out, vertices, this.#shadow, focalPx);
    for (let geom = 0; geom < scene.geomType.length; geom++) {
      if (scene.visible[geom] === 0) continue;
      const sizePx = vertices.projectedRadius(scene, geom);
      if (sizePx < 0 && scene.geomType[geom] !== GEOM_PLANE) continue; // a plane's bounding sphere has no radius
      const mesh = this.#meshOf(scene, geom, sizePx);
      if (mesh === undefined) continue;
      this.#rasterizer.setColors(scene, geom);
      vertices.transform(mesh, scene, geom, this.#scale, this.#stretch, this.#shadow);
      const { triangle } = mesh;
      for (let t = 0; t < triangle.length; t += 3) {
        this.#rasterizer.draw(triangle[t]!, triangle[t + 1]!, triangle[t + 2]!);
      }
    }
  }

  readonly #casts = (geom: number): boolean =>
    this.#scene !== undefined && this.#scene.visible[geom] === 1 && this.#scene.geomType[geom] !== GEOM_PLANE;

  #castShadows(scene: Scene, shadow: ShadowMap): void {
    const vertices = this.#vertices;
    shadow.aim(vertices.lightX, vertices.lightY, vertices.lightZ);
    shadow.fit(scene.geomType.length, this.#casts, scene.geomPosition, scene.geomRadius);
    for (let geom = 0; geom < scene.geomType.length; geom++) {
      if (!this.#casts(geom)) continue;
      // The same mesh as in the picture: a finer one would stand out of it and shade it.
      const sizePx = vertices.projectedRadius(scene, geom);
      const mesh = this.#meshOf(scene, geom, sizePx);
      if (mesh === undefined) continue;
      vertices.transformForShadow(mesh, scene, geom, this.#scale, this.#stretch, shadow);
      const { mapU, mapV, mapHeight } = vertices;
      const { triangle } = mesh;
      for (let t = 0; t < triangle.length; t += 3) {
        const a = triangle[t]!;
        const b = triangle[t + 1]!;
        const c = triangle[t + 2]!;
        shadow.draw(
          mapU[a]!,
          mapV[a]!,
          mapHeight[a]!,
          mapU[b]!,
          mapV[b]!,
          mapHeight[b]!,
          mapU[c]!,
          mapV[c]!,
          mapHeight[c]!,
        );
      }
    }
  }

  /** The geom's mesh, with its scale and stretch left in `#scale` and `#stretch`; undefined for types not drawn. */
  #meshOf(scene: Scene, geom: number, radiusPx: number): Mesh | undefined {
    const size = scene.geomSize;
    const x = size[3 * geom]!;
    const y = size[3 * geom + 1]!;
    const z = size[3 * geom + 2]!;
    let level = 0;
    while (radiusPx > LEVELS[level]!.radiusPx) level++;
    this.#stretch = 0;
    switch (scene.geomType[geom]) {
      case GEOM_PLANE:
        this.#setScale(x || INFINITE_HALF_M, y || INFINITE_HALF_M, 1);
        return PLANE;
      case GEOM_SPHERE:
        this.#setScale(x, x, x);
        return LEVELS[level]!.capsule;
      case GEOM_CAPSULE:
        this.#setScale(x, x, x);
        this.#stretch = y;
        return LEVELS[level]!.capsule;
      case GEOM_CYLINDER:
        this.#setScale(x, x, y);
        return LEVELS[level]!.cylinder;
      case GEOM_BOX:
        this.#setScale(x, y, z);
        return BOX;
      default:
        return undefined;
    }
  }

  #setScale(x: number, y: number, z: number): void {
    this.#scale[0] = x;
    this.#scale[1] = y;
    this.#scale[2] = z;
  }
}

function skyOf(width: number, height: number): Uint8Array {
  const sky = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const down = (y + 0.5) / height;
    const level = SKY_TOP.map((top, c) => Math.round(top + (SKY_BOTTOM[c]! - top) * down));
    for (let x = 0; x < width; x++) sky.set(level, 3 * (y * width + x));
  }
  return sky;
}
