import type { ChainJoint, KinematicChain } from "../core/kinematic-chain.ts";

/** Rows of a Jacobian: linear velocity, then angular velocity, in the base's frame. */
export const TWIST_ROWS = 6;

/**
 * Where the end of a chain is and how it moves with the joints, in the base's frame.
 *
 * Source: Siciliano et al. 2009, Robotics, sections 2.9 and 3.1 (geometric Jacobian). Units: m, rad.
 * Timing: `update` and what reads from it allocate nothing; safe in the control loop.
 */
export class SerialChain {
  /** The end after `update`, and the axes of its frame as the columns of a row-major 3 × 3 matrix. */
  readonly tip = new Float64Array(3);
  readonly rotation = new Float64Array(9);
  readonly #joints: readonly ChainJoint[];
  /** Rotation of each joint's frame in its parent, row-major. */
  readonly #mounts: readonly Float64Array[];
  /** Axis and place of each joint in the base's frame. */
  readonly #axes: Float64Array;
  readonly #anchors: Float64Array;
  readonly #turned = new Float64Array(9);
  readonly #product = new Float64Array(9);

  constructor(chain: KinematicChain) {
    this.#joints = chain;
    this.#mounts = chain.map(({ rpy }) => rotationFromRpy(rpy));
    this.#axes = new Float64Array(3 * chain.length);
    this.#anchors = new Float64Array(3 * chain.length);
  }

  /** Follows the joints to their positions. Shapes: positions [J], the robot's. */
  update(positions: ArrayLike<number>): void {
    const { tip, rotation } = this;
    tip.fill(0);
    setIdentity(rotation);
    for (let k = 0; k < this.#joints.length; k++) {
      const { kind, xyz, axis, index } = this.#joints[k]!;
      addRotated(rotation, xyz, 1, tip);
      multiply(rotation, this.#mounts[k]!, this.#product);
      rotation.set(this.#product);
      for (let i = 0; i < 3; i++) {
        this.#anchors[3 * k + i] = tip[i]!;
        this.#axes[3 * k + i] =
          rotation[3 * i]! * axis[0] + rotation[3 * i + 1]! * axis[1] + rotation[3 * i + 2]! * axis[2];
      }
      const position = index < 0 ? 0 : positions[index]!;
      if (kind === "prismatic") addRotated(rotation, axis, position, tip);
      else if (kind === "revolute") {
        setRotationAbout(axis, position, this.#turned);
        multiply(rotation, this.#turned, this.#product);
        rotation.set(this.#product);
      }
    }
  }

  /** Writes the Jacobian at the joints of the last `update`. Shapes: out [6, J] row-major, joints outside the chain 0 */
  jacobianInto(out: Float64Array): void {
    const width = out.length / TWIST_ROWS;
    out.fill(0);
    for (let k = 0; k < this.#joints.length; k++) {
      const { kind, index } = this.#joints[k]!;
      if (index < 0 || kind === "fixed") continue;
      const [x, y, z] = [this.#axes[3 * k]!, this.#axes[3 * k + 1]!, this.#axes[3 * k + 2]!];
      if (kind === "prismatic") {
        out[index] = x;
        out[width + index] = y;
        out[2 * width + index] = z;
        continue;
      }
      const dx = this.tip[0]! - this.#anchors[3 * k]!;
      const dy = this.tip[1]! - this.#anchors[3 * k + 1]!;
      const dz = this.tip[2]! - this.#anchors[3 * k + 2]!;
      out[index] = y * dz - z * dy;
      out[width + index] = z * dx - x * dz;
      out[2 * width + index] = x * dy - y * dx;
      out[3 * width + index] = x;
      out[4 * width + index] = y;
      out[5 * width + index] = z;
    }
  }
}

function setIdentity(matrix: Float64Array): void {
  matrix.fill(0);
  matrix[0] = matrix[4] = matrix[8] = 1;
}

function multiply(a: Float64Array, b: Float64Array, out: Float64Array): void {
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      out[3 * i + j] = a[3 * i]! * b[j]! + a[3 * i + 1]! * b[3 + j]! + a[3 * i + 2]! * b[6 + j]!;
    }
  }
}

function addRotated(rotation: Float64Array, vector: readonly number[], scale: number, out: Float64Array): void {
  for (let i = 0; i < 3; i++) {
    const turned =
      rotation[3 * i]! * vector[0]! + rotation[3 * i + 1]! * vector[1]! + rotation[3 * i + 2]! * vector[2]!;
    out[i] = out[i]! + scale * turned;
  }
}

/** Rodrigues' formula. */
function setRotationAbout([x, y, z]: readonly [number, number, number], angleRad: number, out: Float64Array): void {
  const sin = Math.sin(angleRad);
  const cos = Math.cos(angleRad);
  const rest = 1 - cos;
  out[0] = cos + x * x * rest;
  out[1] = x * y * rest - z * sin;
  out[2] = x * z * rest + y * sin;
  out[3] = y * x * rest + z * sin;
  out[4] = cos + y * y * rest;
  out[5] = y * z * rest - x * sin;
  out[6] = z * x * rest - y * sin;
  out[7] = z * y * rest + x * sin;
  out[8] = cos + z * z * rest;
}

/** R = Rz(yaw) · Ry(pitch) · Rx(roll), as URDF has it. */
function rotationFromRpy([roll, pitch, yaw]: readonly [number, number, number]): Float64Array {
  const [sr, cr] = [Math.sin(roll), Math.cos(roll)];
  const [sp, cp] = [Math.sin(pitch), Math.cos(pitch)];
  const [sy, cy] = [Math.sin(yaw), Math.cos(yaw)];
  return Float64Array.of(
    cy * cp,
    cy * sp * sr - sy * cr,
    cy * sp * cr + sy * sr,
    sy * cp,
    sy * sp * sr + cy * cr,
    sy * sp * cr - cy * sr,
    -sp,
    cp * sr,
    cp * cr,
  );
}
