import { LatentloopError } from "../core/errors.ts";
import { type DomainShift, NOMINAL, type Vector3 } from "./domain-shift.ts";
import type { ModelField, Physics } from "./physics.ts";

/** Fields that a shift writes: their nominal values are kept. */
const FIELDS = [
  "geom_friction",
  "dof_damping",
  "dof_frictionloss",
  "body_mass",
  "body_inertia",
  "actuator_gainprm",
  "actuator_biasprm",
  "cam_pos",
  "cam_quat",
  "light_dir",
  "light_diffuse",
  "light_ambient",
  "mat_rgba",
] as const satisfies readonly ModelField[];
type Field = (typeof FIELDS)[number];

/** Writes domain shifts into a compiled model, always starting from its nominal values: nothing is compiled again. */
export class ShiftableModel {
  readonly #physics: Physics;
  readonly #nominal: Readonly<Record<Field, Float64Array>>;
  /** Nominal rgb by material name. */
  readonly palette: Readonly<Record<string, Vector3>>;
  #applied: DomainShift = NOMINAL;

  constructor(physics: Physics) {
    this.#physics = physics;
    const copies = FIELDS.map((field) => [field, Float64Array.from(physics.borrowModel(field))] as const);
    this.#nominal = Object.fromEntries(copies) as Record<Field, Float64Array>;
    const rgba = this.#nominal.mat_rgba;
    this.palette = Object.fromEntries(
      Array.from({ length: rgba.length / 4 }, (_, i): [string, Vector3] => [
        physics.nameOf("material", i),
        [rgba[4 * i]!, rgba[4 * i + 1]!, rgba[4 * i + 2]!],
      ]),
    );
  }

  /** @throws ERR_SIM_TASK if a colour names no material of the model */
  apply(shift: DomainShift): void {
    this.#paint(shift.colors); // first, because it may refuse
    this.#scale("geom_friction", shift.contactFriction);
    this.#scale("dof_damping", shift.jointFriction);
    this.#scale("dof_frictionloss", shift.jointFriction);
    this.#scale("body_mass", shift.mass);
    this.#scale("body_inertia", shift.mass);
    this.#scaleServos(shift.servoGain);
    this.#moveCameras(shift.cameraOffsetM, shift.cameraRotationRad);
    this.#tiltLights(shift.lightTilt);
    this.#scale("light_diffuse", shift.lightDiffuse);
    this.#scale("light_ambient", shift.lightAmbient);
    if (needsConstants(this.#applied, shift)) this.#physics.recomputeConstants();
    this.#applied = shift;
  }

  #scale(field: Field, factor: number): void {
    const nominal = this.#nominal[field];
    const live = this.#physics.borrowModel(field);
    for (let i = 0; i < nominal.length; i++) live[i] = nominal[i]! * factor;
  }

  /** A servo's force is gain · control + bias · (1, position, velocity); a motor has no bias and is left alone. */
  #scaleServos(factor: number): void {
    const gains = this.#physics.borrowModel("actuator_gainprm");
    const biases = this.#physics.borrowModel("actuator_biasprm");
    const { actuator_gainprm: gain, actuator_biasprm: bias } = this.#nominal;
    const actuators = this.#physics.borrow("ctrl").length;
    const width = bias.length / actuators;
    for (let a = 0; a < actuators; a++) {
      const isServo = bias.subarray(a * width, (a + 1) * width).some((value) => value !== 0);
      for (let i = a * width; i < (a + 1) * width; i++) {
        gains[i] = gain[i]! * (isServo ? factor : 1);
        biases[i] = bias[i]! * (isServo ? factor : 1);
      }
    }
  }

  #moveCameras(offset: Vector3, rotation: Vector3): void {
    const positions = this.#physics.borrowModel("cam_pos");
    const rotations = this.#physics.borrowModel("cam_quat");
    const { cam_pos: position, cam_quat: quaternion } = this.#nominal;
    const turn = quaternionOf(rotation);
    for (let c = 0; c < this.#physics.cameraCount; c++) {
      for (let axis = 0; axis < 3; axis++) positions[3 * c + axis] = position[3 * c + axis]! + offset[axis]!;
      multiplyQuaternions(quaternion.subarray(4 * c, 4 * c + 4), turn, rotations.subarray(4 * c, 4 * c + 4));
    }
  }

  #tiltLights(tilt: Vector3): void {
    const directions = this.#physics.borrowModel("light_dir");
    const nominal = this.#nominal.light_dir;
    for (let i = 0; i < nominal.length; i++) directions[i] = nominal[i]! + tilt[i % 3]!;
    for (let l = 0; l < nominal.length; l += 3) {
      const norm = Math.hypot(directions[l]!, directions[l + 1]!, directions[l + 2]!);
      for (let axis = 0; axis < 3; axis++) directions[l + axis]! /= norm;
    }
  }

  #paint(colors: DomainShift["colors"]): void {
    const unknown = Object.keys(colors).find((name) => !(name in this.palette));
    if (unknown !== undefined) {
      throw new LatentloopError("ERR_SIM_TASK", `Expected a material of the world but received "${unknown}".`, {
        remedy: `Materials: ${Object.keys(this.palette).join(", ")}.`,
      });
    }
    this.#scale("mat_rgba", 1);
    for (const [name, rgb] of Object.entries(colors)) {
      this.#physics.borrowModel("mat_rgba").set(rgb, 4 * this.#physics.id("material", name));
    }
  }
}

/** The model keeps constants that follow from masses, and poses relative to a body for cameras that track one. */
function needsConstants(before: DomainShift, after: DomainShift): boolean {
  const numbers = ({ mass, cameraOffsetM, cameraRotationRad }: DomainShift) => [
    mass,
    ...cameraOffsetM,
    ...cameraRotationRad,
  ];
  const next = numbers(after);
  return numbers(before).some((value, i) => value !== next[i]);
}

/** MuJoCo's order: wxyz. */
function quaternionOf([x, y, z]: Vector3): readonly number[] {
  const angle = Math.hypot(x, y, z);
  const sine = angle === 0 ? 0 : Math.sin(angle / 2) / angle;
  return [Math.cos(angle / 2), x * sine, y * sine, z * sine];
}

function multiplyQuaternions(a: ArrayLike<number>, b: ArrayLike<number>, out: Float64Array): void {
  const [aw, ax, ay, az] = [a[0]!, a[1]!, a[2]!, a[3]!];
  const [bw, bx, by, bz] = [b[0]!, b[1]!, b[2]!, b[3]!];
  out[0] = aw * bw - ax * bx - ay * by - az * bz;
  out[1] = aw * bx + ax * bw + ay * bz - az * by;
  out[2] = aw * by - ax * bz + ay * bw + az * bx;
  out[3] = aw * bz + ax * by - ay * bx + az * bw;
}
