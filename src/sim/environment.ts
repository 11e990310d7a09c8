import { type ActionSpace, denormalizeAction } from "../core/action.ts";
import type { CameraModel } from "../core/camera.ts";
import type { Environment, StepResult } from "../core/environment.ts";
import { LatentloopError } from "../core/errors.ts";
import type { ObservationSpace } from "../core/observation.ts";
import { bindProprioception, type ProprioceptionFeature, type ProprioceptionReader } from "../core/proprioception.ts";
import { Rng } from "../core/rng.ts";
import type { RobotModel } from "../core/robot.ts";
import { cameraIntrinsics } from "./camera-intrinsics.ts";
import { type DomainShift, NOMINAL, type Randomization, sampleShift, type Vector3 } from "./domain-shift.ts";
import { type CommandKind, JointDriver } from "./joint-driver.ts";
import { Physics } from "./physics.ts";
import { Renderer } from "./render/renderer.ts";
import { PhysicsScene } from "./render/scene.ts";
import { ShiftableModel } from "./shiftable-model.ts";
import type { Task, TaskRules } from "./task.ts";

export interface EnvironmentOptions {
  /** Image size by camera name; other cameras keep the task's size. */
  readonly imageSizes?: Readonly<Record<string, { readonly width: number; readonly height: number }>>;
  /** Draws a new shift at every reset, from the reset's seed. */
  readonly randomization?: Randomization;
  /** A fixed shift; what is left out is nominal. */
  readonly shift?: Partial<DomainShift>;
  /** Seed of the first reset, which happens at creation. */
  readonly seed?: number;
}

/** Everything that an environment of the same task and options needs to go on bit for bit; plain values and arrays. */
export interface EnvironmentState {
  readonly task: string;
  readonly shift: DomainShift;
  readonly physics: Float64Array;
  readonly driver: Float64Array;
  readonly lastAction: Float32Array;
  readonly stepIndex: number;
}

export interface Score {
  readonly reward: number;
  readonly success: boolean;
}

interface Camera {
  readonly index: number;
  readonly width: number;
  readonly height: number;
  /** Made when the camera is first looked through. */
  renderer: Renderer | undefined;
}

/** A task, running: the policy level (`step`) and, below it, the robot's command level (`applyCommand`, `advance`). */
export class SimulatedEnvironment implements Environment {
  readonly task: string;
  readonly observationSpace: ObservationSpace;
  readonly actionSpace: ActionSpace;
  readonly controlRateHz: number;
  readonly commandRateHz: number;
  readonly episodeSteps: number;
  readonly rewardRange: readonly [low: number, high: number];
  /** Reward per metre from the goal, where the reward is that distance alone. */
  readonly rewardPerM: number | undefined;
  /** How each element of the proprioception is made: what a manifest stores. */
  readonly proprioceptionFeatures: readonly ProprioceptionFeature[];
  /** The robot's joints, for tasks whose actions command joints. */
  readonly robot: RobotModel | undefined;

  readonly #definition: Task;
  readonly #physics: Physics;
  readonly #rules: TaskRules;
  readonly #driver: JointDriver;
  readonly #model: ShiftableModel;
  readonly #scene: PhysicsScene;
  readonly #cameras: ReadonlyMap<string, Camera>;
  readonly #options: EnvironmentOptions;
  readonly #ticksPerStep: number;
  readonly #jointAddresses: readonly { readonly qpos: number; readonly dof: number }[];
  readonly #readProprioception: ProprioceptionReader | undefined;
  readonly #positions: Float64Array;
  readonly #velocities: Float64Array;
  readonly #lastAction: Float32Array;
  readonly #command: Float32Array;
  #shift: DomainShift;
  #stepIndex = 0;

  private constructor(definition: Task, physics: Physics, options: EnvironmentOptions) {
    this.#definition = definition;
    this.#physics = physics;
    this.#options = options;
    const { actuation, actionSpace } = definition;
    this.task = definition.name;
    this.actionSpace = actionSpace;
    this.controlRateHz = definition.controlRateHz;
    this.commandRateHz = definition.commandRateHz;
    this.episodeSteps = definition.episodeSteps;
    this.rewardRange = definition.rewardRange;
    this.rewardPerM = definition.rewardPerM;
    this.proprioceptionFeatures = definition.proprioception;
    this.robot = actuation.kind === "effort" ? undefined : actuation.robot;
    this.#ticksPerStep = Math.round(definition.commandRateHz / definition.controlRateHz);

    this.#rules = definition.bind(physics);
    this.#driver = new JointDriver(physics, actuation, definition.commandRateHz);
    this.#model = new ShiftableModel(physics);
    this.#scene = new PhysicsScene(physics);
    this.#cameras = openCameras(definition, physics, options);
    this.observationSpace = {
      cameras: [...this.#cameras].map(([name, { width, height }]) => ({ name, width, height })),
      proprioception: definition.proprioception.map(({ name }) => name),
    };
    const joints = this.robot?.joints.map(({ name }) => name) ?? [];
    this.#jointAddresses = joints.map((name) => {
      const id = physics.id("joint", name);
      return { qpos: physics.borrowModel("jnt_qposadr")[id]!, dof: physics.borrowModel("jnt_dofadr")[id]! };
    });
    this.#readProprioception = this.#rules.observe
      ? undefined
      : bindProprioception(
          definition.proprioception,
          joints,
          actionSpace.dimensions.map(({ name }) => name),
        );
    this.#positions = new Float64Array(joints.length);
    this.#velocities = new Float64Array(joints.length);
    this.#lastAction = new Float32Array(actionSpace.dimensions.length);
    this.#command = new Float32Array(actionSpace.dimensions.length);
    this.#shift = { ...NOMINAL, ...options.shift };
    this.setShift(this.#shift);
    this.reset(options.seed ?? 0);
  }

  /** @throws ERR_SIM_TASK if the options name a camera or material that the task does not have */
  static async open(definition: Task, options: EnvironmentOptions = {}): Promise<SimulatedEnvironment> {
    const physics = await Physics.compile(definition.mjcf);
    try {
      return new SimulatedEnvironment(definition, physics, options);
    } catch (thrown) {
      physics.close();
      throw thrown;
    }
  }

  get shift(): DomainShift {
    return this.#shift;
  }

  /** Nominal rgb by material name: what `shift.colors` may change. */
  get palette(): Readonly<Record<string, Vector3>> {
    return this.#model.palette;
  }

  /** Changes the world from now on; the episode goes on. @throws ERR_SIM_TASK if a colour names no material */
  setShift(shift: Partial<DomainShift>): void {
    const next = { ...NOMINAL, ...shift };
    this.#model.apply(next);
    this.#scene.refreshLooks();
    this.#driver.setShift({ commandGain: next.commandGain, delayTicks: next.delaySteps * this.#ticksPerStep });
    this.#shift = next;
    this.#physics.forward();
  }

  reset(seed: number): void {
    const rng = new Rng(seed);
    const { randomization, shift } = this.#options;
    if (randomization) this.setShift({ ...sampleShift(randomization, rng.fork(), this.palette), ...shift });
    this.#physics.reset();
    this.#rules.start(rng);
    this.#driver.reset();
    this.#physics.forward();
    this.#lastAction.fill(0);
    this.#stepIndex = 0;
  }

  /**
   * A new target, and a new episode that begins where the robot and everything else are.
   * @throws ERR_SIM_TASK if the task has no target
   */
  retarget(rng: Rng): void {
    if (!this.#rules.retarget) {
      throw new LatentloopError("ERR_SIM_TASK", `The task ${this.task} has no target to move.`);
    }
    this.#rules.retarget(rng);
    this.#stepIndex = 0;
    this.#physics.refresh();
  }

  get canRetarget(): boolean {
    return this.#rules.retarget !== undefined;
  }

  /**
   * A hand from outside pushes an object of the task: it lies elsewhere at once, or slides from the next tick on.
   * @throws ERR_SIM_TASK if the task has no object
   */
  pushObject(rng: Rng): void {
    if (!this.#rules.pushObject) {
      throw new LatentloopError("ERR_SIM_TASK", `The task ${this.task} has no object to push.`);
    }
    this.#rules.pushObject(rng);
    this.#physics.refresh();
  }

  get canPushObject(): boolean {
    return this.#rules.pushObject !== undefined;
  }

  /**
   * Applies one normalised action [A], limited to [-1, 1], for one control period.
   * @throws ERR_SHAPE_MISMATCH, ERR_INVALID_ARGUMENT for a value that is not finite, ERR_PHYSICS_UNSTABLE
   */
  step(action: Float32Array): StepResult {
    if (action.length !== this.#lastAction.length) {
      throw new LatentloopError(
        "ERR_SHAPE_MISMATCH",
        `Expected an action of ${this.#lastAction.length} numbers but received ${action.length}.`,
      );
    }
    for (let i = 0; i < action.length; i++) this.#lastAction[i] = Math.min(1, Math.max(-1, action[i]!));
    denormalizeAction(this.actionSpace, this.#lastAction, this.#command);
    this.applyCommand(this.#definition.actuation.kind === "effort" ? "effort" : "velocity", this.#command);
    this.#advanceTicks(this.#ticksPerStep);
    this.#stepIndex++;
    const { reward, success } = this.score();
    return { reward, isTerminal: false, isLast: this.#stepIndex >= this.episodeSteps, success };
  }

  /** The command in force from the next tick on. Units: as its kind says. @throws as `JointDriver.command` */
  applyCommand(kind: CommandKind, values: ArrayLike<number>): void {
    this.#driver.command(kind, values);
  }

  /**
   * Lets a whole number of command periods pass.
   * @throws ERR_INVALID_ARGUMENT for a part of a command period, ERR_PHYSICS_UNSTABLE
   */
  advance(seconds: number): void {
    const ticks = Math.round(seconds * this.commandRateHz);
    if (!(Math.abs(ticks / this.commandRateHz - seconds) < 1e-9)) {
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected whole command periods of ${1 / this.commandRateHz} s but received ${seconds} s.`,
      );
    }
    this.#advanceTicks(ticks);
  }

  #advanceTicks(ticks: number): void {
    for (let i = 0; i < ticks; i++) this.#driver.tick();
    this.#physics.refresh();
  }

  score(): Score {
    return { reward: this.#rules.reward(), success: this.#rules.success() };
  }

  /** Whether the task comes with a controller that knows where everything is. */
  get hasScript(): boolean {
    return this.#rules.script !== undefined;
  }

  /** Joint velocities of that controller. Units: rad/s. Shapes: out [J]. @throws ERR_SIM_TASK if the task has none */
  scriptInto(out: Float64Array): void {
    if (!this.#rules.script) throw new LatentloopError("ERR_SIM_TASK", `The task ${this.task} has no script.`);
    this.#rules.script(out);
  }

  /** Joint readings in the order of `robot.joints`. Shapes: positions, velocities [J] */
  jointsInto(positions: Float64Array, velocities: Float64Array): void {
    const qpos = this.#physics.borrow("qpos");
    const qvel = this.#physics.borrow("qvel");
    for (let i = 0; i < this.#jointAddresses.length; i++) {
      const { qpos: position, dof } = this.#jointAddresses[i]!;
      positions[i] = qpos[position]!;
      velocities[i] = qvel[dof]!;
    }
  }

  proprioceptionInto(out: Float32Array): void {
    if (this.#readProprioception === undefined) {
      this.#rules.observe?.(out);
      return;
    }
    this.jointsInto(this.#positions, this.#velocities);
    this.#readProprioception(this.#positions, this.#velocities, this.#lastAction, out);
  }

  /** @throws ERR_SIM_TASK for an unknown camera, ERR_SHAPE_MISMATCH if `out` has another length */
  renderInto(camera: string, out: Uint8Array): void {
    const found = this.#camera(camera);
    found.renderer ??= new Renderer(found.width, found.height, { shadows: this.#definition.shadows });
    found.renderer.render(this.#scene, found.index, out);
  }

  /** @throws ERR_SIM_TASK for an unknown camera */
  cameraModel(camera: string): CameraModel {
    const { index, width, height } = this.#camera(camera);
    return cameraIntrinsics(camera, this.#physics.borrowModel("cam_fovy")[index]!, width, height);
  }

  #camera(name: string): Camera {
    const camera = this.#cameras.get(name);
    if (camera === undefined) throw unknownCamera(this.task, name, [...this.#cameras.keys()]);
    return camera;
  }

  saveState(): EnvironmentState {
    return {
      task: this.task,
      shift: this.#shift,
      physics: this.#physics.saveState(),
      driver: this.#driver.saveState(),
      lastAction: this.#lastAction.slice(),
      stepIndex: this.#stepIndex,
    };
  }

  /** @throws ERR_SIM_TASK if the state belongs to another task */
  restoreState(state: EnvironmentState): void {
    if (state.task !== this.task) {
      throw new LatentloopError("ERR_SIM_TASK", `Expected a state of ${this.task} but received one of ${state.task}.`);
    }
    this.setShift(state.shift);
    this.#physics.restoreState(state.physics);
    this.#driver.restoreState(state.driver);
    this.#lastAction.set(state.lastAction);
    this.#stepIndex = state.stepIndex;
  }

  /** MuJoCo's warnings since the last reset: not 0 means that the physics left its bounds somewhere. */
  countWarnings(): number {
    return this.#physics.countWarnings();
  }

  close(): void {
    this.#physics.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function openCameras(definition: Task, physics: Physics, options: EnvironmentOptions): ReadonlyMap<string, Camera> {
  const names = definition.cameras.map(({ name }) => name);
  for (const name of Object.keys(options.imageSizes ?? {})) {
    if (!names.includes(name)) throw unknownCamera(definition.name, name, names);
  }
  return new Map(
    definition.cameras.map(({ name, width, height }) => [
      name,
      { index: physics.id("camera", name), ...(options.imageSizes?.[name] ?? { width, height }), renderer: undefined },
    ]),
  );
}

function unknownCamera(task: string, name: string, known: readonly string[]): LatentloopError {
  return new LatentloopError("ERR_SIM_TASK", `Expected a camera of the task ${task} but received "${name}".`, {
    remedy: `Cameras: ${known.join(", ")}.`,
  });
}
