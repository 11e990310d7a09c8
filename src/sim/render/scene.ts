import type { Physics } from "../physics.ts";

/** Geom types of MuJoCo that are drawn (mjtGeom). */
export const GEOM_PLANE = 0;
export const GEOM_SPHERE = 2;
export const GEOM_CAPSULE = 3;
export const GEOM_CYLINDER = 5;
export const GEOM_BOX = 6;

/** MuJoCo's viewers hide groups from 3 on. */
const FIRST_HIDDEN_GROUP = 3;

/** The two colours of a checkered plane and its cells per metre along x and y. */
export interface Checker {
  readonly even: readonly number[];
  readonly odd: readonly number[];
  readonly cellsPerMetre: readonly [number, number];
}

/**
 * What a renderer draws: plain arrays, so that it depends on no simulator.
 *
 * Shapes: G geoms, C cameras; positions [·, 3], rotations [·, 9] row-major worldFromLocal, colours [G, 3] in [0, 1].
 * Units: metres; fovy in degrees; a camera looks along its -z with y up.
 */
export interface Scene {
  readonly geomType: Int32Array;
  readonly geomSize: Float64Array;
  readonly geomRadius: Float64Array;
  readonly geomPosition: Float64Array;
  readonly geomRotation: Float64Array;
  readonly visible: Uint8Array;
  readonly color: Float32Array;
  readonly checker: ReadonlyMap<number, Checker>;
  readonly cameraPosition: Float64Array;
  readonly cameraRotation: Float64Array;
  readonly cameraFovy: Float64Array;
  /** Towards where the light shines, any length. */
  readonly lightDirection: Float64Array;
  readonly lightDiffuse: Float32Array;
  readonly lightAmbient: Float32Array;
}

/** The scene of a simulation. Views into the simulator are borrowed anew at each access, so the object may be kept. */
export class PhysicsScene implements Scene {
  readonly #physics: Physics;
  readonly visible: Uint8Array;
  readonly color: Float32Array;
  checker: ReadonlyMap<number, Checker> = new Map();

  constructor(physics: Physics) {
    this.#physics = physics;
    this.visible = new Uint8Array(physics.geomCount);
    this.color = new Float32Array(physics.geomCount * 3);
    this.refreshLooks();
  }

  /** Reads colours and materials again, after they were written in the model. */
  refreshLooks(): void {
    const physics = this.#physics;
    const checker = new Map<number, Checker>();
    for (let g = 0; g < physics.geomCount; g++) {
      const material = physics.borrowModel("geom_matid")[g]!;
      const rgba = material < 0 ? physics.borrowModel("geom_rgba") : physics.borrowModel("mat_rgba");
      const at = 4 * (material < 0 ? g : material);
      this.color.set(rgba.subarray(at, at + 3), 3 * g);
      this.visible[g] = rgba[at + 3]! > 0 && physics.borrowModel("geom_group")[g]! < FIRST_HIDDEN_GROUP ? 1 : 0;
      const pattern = material < 0 ? undefined : this.#checkerOf(material);
      if (pattern) checker.set(g, pattern);
    }
    this.checker = checker;
  }

  /** A 2 × 2 texture (MuJoCo's built-in checker) with `texuniform`: the only kind that is drawn. */
  #checkerOf(material: number): Checker | undefined {
    const physics = this.#physics;
    const roles = physics.borrowModel("mat_texid");
    const rolesPerMaterial = roles.length / (physics.borrowModel("mat_rgba").length / 4);
    const texture = roles[material * rolesPerMaterial + 1]!; // role 1 is RGB
    if (texture < 0) return undefined;
    const at = Number(physics.borrowModel("tex_adr")[texture]);
    const texel = (i: number) => [...physics.borrowModel("tex_data").subarray(at + 3 * i, at + 3 * i + 3)];
    const tint = physics.borrowModel("mat_rgba").subarray(4 * material, 4 * material + 3);
    const tinted = (i: number) => texel(i).map((level, channel) => (level / 255) * tint[channel]!);
    const repeat = physics.borrowModel("mat_texrepeat");
    return {
      even: tinted(0),
      odd: tinted(1),
      cellsPerMetre: [2 * repeat[2 * material]!, 2 * repeat[2 * material + 1]!],
    };
  }

  get geomType(): Int32Array {
    return this.#physics.borrowModel("geom_type");
  }

  get geomSize(): Float64Array {
    return this.#physics.borrowModel("geom_size");
  }

  get geomRadius(): Float64Array {
    return this.#physics.borrowModel("geom_rbound");
  }

  get geomPosition(): Float64Array {
    return this.#physics.borrow("geom_xpos");
  }

  get geomRotation(): Float64Array {
    return this.#physics.borrow("geom_xmat");
  }

  get cameraPosition(): Float64Array {
    return this.#physics.borrow("cam_xpos");
  }

  get cameraRotation(): Float64Array {
    return this.#physics.borrow("cam_xmat");
  }

  get cameraFovy(): Float64Array {
    return this.#physics.borrowModel("cam_fovy");
  }

  get lightDirection(): Float64Array {
    return this.#physics.borrow("light_xdir");
  }

  get lightDiffuse(): Float32Array {
    return this.#physics.borrowModel("light_diffuse");
  }

  get lightAmbient(): Float32Array {
    return this.#physics.borrowModel("light_ambient");
  }
}
