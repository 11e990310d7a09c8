import loadMujoco, { type DoubleBuffer, type MainModule, type MjData, type MjModel } from "@mujoco/mujoco";
import { LatentloopError, messageOf } from "../core/errors.ts";

/** Numbers that change from step to step (mjData). */
export type DataField =
  | "qpos"
  | "qvel"
  | "qacc"
  | "ctrl"
  | "xpos"
  | "xmat"
  | "xanchor"
  | "xaxis"
  | "geom_xpos"
  | "geom_xmat"
  | "site_xpos"
  | "cam_xpos"
  | "cam_xmat"
  | "light_xdir"
  | "mocap_pos"
  | "sensordata";

/** Numbers that describe the world (mjModel), by element type. Boolean fields are not readable through the bindings. */
interface ModelArrays {
  geom_type: Int32Array;
  geom_group: Int32Array;
  geom_matid: Int32Array;
  geom_size: Float64Array;
  geom_rbound: Float64Array;
  geom_rgba: Float32Array;
  geom_friction: Float64Array;
  mat_rgba: Float32Array;
  mat_texid: Int32Array;
  mat_texrepeat: Float32Array;
  tex_adr: Int32Array;
  tex_data: Uint8Array;
  body_mass: Float64Array;
  body_inertia: Float64Array;
  dof_damping: Float64Array;
  dof_frictionloss: Float64Array;
  jnt_qposadr: Int32Array;
  jnt_dofadr: Int32Array;
  jnt_range: Float64Array;
  actuator_gainprm: Float64Array;
  actuator_biasprm: Float64Array;
  cam_fovy: Float64Array;
  cam_pos: Float64Array;
  cam_quat: Float64Array;
  light_dir: Float64Array;
  light_diffuse: Float32Array;
  light_ambient: Float32Array;
  sensor_adr: Int32Array;
}
export type ModelField = keyof ModelArrays;

const OBJECT_TYPES = {
  body: "mjOBJ_BODY",
  joint: "mjOBJ_JOINT",
  geom: "mjOBJ_GEOM",
  site: "mjOBJ_SITE",
  camera: "mjOBJ_CAMERA",
  light: "mjOBJ_LIGHT",
  material: "mjOBJ_MATERIAL",
  actuator: "mjOBJ_ACTUATOR",
  sensor: "mjOBJ_SENSOR",
} as const;
export type ObjectKind = keyof typeof OBJECT_TYPES;

/** Beyond this MuJoCo itself calls a coordinate bad (mjMAXVAL). */
const MAX_COORDINATE = 1e10;

let loading: Promise<MainModule> | undefined;

/**
 * One compiled MuJoCo model and its state.
 *
 * Everything handed out by `borrow` is a view into the WebAssembly heap. The heap moves when it grows, which compiling
 * any other model may do, so borrow again wherever that may have happened: `borrow` itself never returns a dead view.
 */
export class Physics {
  readonly timestepS: number;
  readonly #mujoco: MainModule;
  readonly #model: MjModel;
  readonly #data: MjData;
  readonly #stateSpec: number;
  /** Memory inside the heap, where MuJoCo writes a state. */
  readonly #state: DoubleBuffer;
  readonly #views = new Map<string, { readonly length: number }>();
  #closed = false;

  private constructor(mujoco: MainModule, model: MjModel) {
    this.#mujoco = mujoco;
    this.#model = model;
    this.#data = new mujoco.MjData(model);
    this.#stateSpec = mujoco.mjtState.mjSTATE_INTEGRATION.value;
    this.#state = new mujoco.DoubleBuffer(mujoco.mj_stateSize(model, this.#stateSpec));
    const options = model.opt; // a part of the model, like `data.warning`: deleting these handles would free it twice
    this.timestepS = options.timestep;
    // A diverging world would be reset silently to its start, and play on from there. We report it instead.
    options.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET.value;
    mujoco.mj_forward(model, this.#data);
  }

  /** @throws ERR_SIM_MODEL if the MJCF does not compile */
  static async compile(mjcf: string): Promise<Physics> {
    loading ??= loadMujoco();
    const mujoco = await loading;
    let model: MjModel;
    try {
      model = mujoco.MjModel.from_xml_string(mjcf);
    } catch (thrown) {
      throw new LatentloopError("ERR_SIM_MODEL", `MuJoCo cannot compile the model: ${messageOf(thrown).trim()}.`, {
        cause: thrown,
      });
    }
    try {
      return new Physics(mujoco, model);
    } catch (thrown) {
      model.delete();
      throw thrown;
    }
  }

  get timeS(): number {
    return this.#data.time;
  }

  get contactCount(): number {
    return this.#data.ncon;
  }

  get cameraCount(): number {
    return this.#model.ncam;
  }

  get geomCount(): number {
    return this.#model.ngeom;
  }

  /** The live array of the state. Timing: safe in the control loop, allocates only after the heap has moved. */
  borrow(field: DataField): Float64Array {
    const cached = this.#views.get(field);
    if (cached !== undefined && cached.length > 0) return cached as Float64Array;
    const view: Float64Array = this.#data[field];
    this.#views.set(field, view);
    return view;
  }

  /** The live array of the model. Timing: as `borrow`. */
  borrowModel<F extends ModelField>(field: F): ModelArrays[F] {
    const cached = this.#views.get(field);
    if (cached !== undefined && cached.length > 0) return cached as ModelArrays[F];
    const view: ModelArrays[F] = this.#model[field];
    this.#views.set(field, view);
    return view;
  }

  /** @throws ERR_SIM_MODEL if the model has no such object */
  id(kind: ObjectKind, name: string): number {
    const id = this.#mujoco.mj_name2id(this.#model, this.#mujoco.mjtObj[OBJECT_TYPES[kind]].value, name);
    if (id < 0) throw new LatentloopError("ERR_SIM_MODEL", `Expected a ${kind} named "${name}" in the model.`);
    return id;
  }

  /** Name of the object, empty for one without a name. */
  nameOf(kind: ObjectKind, id: number): string {
    return this.#mujoco.mj_id2name(this.#model, this.#mujoco.mjtObj[OBJECT_TYPES[kind]].value, id) ?? "";
  }

  /** Back to the model's reference pose at time 0; positions derived from it are not refreshed. */
  reset(): void {
    this.#mujoco.mj_resetData(this.#model, this.#data);
  }

  /**
   * Advances by whole physics steps. Derived values (poses, sensors) lag one step behind until `refresh`.
   * @throws ERR_PHYSICS_UNSTABLE if a coordinate has left the numbers
   */
  step(count: number): void {
    for (let i = 0; i < count; i++) this.#mujoco.mj_step(this.#model, this.#data);
    this.#requireStable();
  }

  /** Poses, velocities and their sensors of the current state; touch sensors keep the forces of the last step. */
  refresh(): void {
    this.#mujoco.mj_step1(this.#model, this.#data);
  }

  /** Everything that follows from positions, velocities and controls, without advancing. */
  forward(): void {
    this.#mujoco.mj_forward(this.#model, this.#data);
  }

  /** The model's constants that follow from masses and inertias, after those were written. Keeps the state. */
  recomputeConstants(): void {
    const state = this.saveState(); // mj_setConst evaluates the reference pose and leaves the state there
    this.#mujoco.mj_setConst(this.#model, this.#data);
    this.restoreState(state);
  }

  /** Everything the next step depends on: restoring it continues bit for bit, in any process. */
  saveState(): Float64Array {
    this.#mujoco.mj_getState(this.#model, this.#data, this.#state, this.#stateSpec);
    return Float64Array.from(this.#state.GetView() as Float64Array);
  }

  /** @throws ERR_SHAPE_MISMATCH if the state belongs to another model */
  restoreState(state: Float64Array): void {
    const { length } = this.#state.GetView() as Float64Array;
    if (state.length !== length) {
      throw new LatentloopError(
        "ERR_SHAPE_MISMATCH",
        `Expected a physics state of ${length} numbers but received ${state.length}.`,
      );
    }
    // The bindings copy any array-like element by element; their type asks for number[].
    this.#mujoco.mj_setState(this.#model, this.#data, state as unknown as number[], this.#stateSpec);
    this.#mujoco.mj_step1(this.#model, this.#data);
  }

  /** How often MuJoCo has warned since the last reset (full contact buffers and the like). */
  countWarnings(): number {
    const warnings = this.#data.warning;
    let count = 0;
    for (let i = 0; i < warnings.size(); i++) {
      const warning = warnings.get(i); // a copy
      count += warning?.number ?? 0;
      warning?.delete();
    }
    return count;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#views.clear();
    this.#state.delete();
    this.#data.delete();
    this.#model.delete();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #requireStable(): void {
    for (const field of ["qpos", "qvel", "qacc"] as const) {
      const values = this.borrow(field);
      for (let i = 0; i < values.length; i++) {
        if (Math.abs(values[i]!) < MAX_COORDINATE) continue; // false for NaN
        throw new LatentloopError(
          "ERR_PHYSICS_UNSTABLE",
          `The simulation diverged at ${this.timeS.toFixed(3)} s: ${field}[${i}] is ${values[i]}.`,
          { remedy: "Reset the environment; if it happens again, use smaller actions or a smaller timestep." },
        );
      }
    }
  }
}
