import { isMovable, parseUrdf, type UrdfJoint } from "../config/urdf.ts";
import { LatentloopError } from "../core/errors.ts";
import { axisRotation, type Mat3, multiply, quaternionOf, rpyRotation, transform } from "./rotation.ts";

type Vec3 = readonly [number, number, number];

/** One joint on the way from the base to the tip, as URDF places it. */
interface ChainJoint {
  readonly name: string;
  readonly kind: "turns" | "slides" | "fixed";
  readonly origin: Vec3;
  readonly rotation: Mat3;
  readonly axis: Vec3;
}

export interface ChainPose {
  readonly position: Vec3;
  /** x, y, z, w */
  readonly orientation: readonly [number, number, number, number];
}

/** Where a moving joint stands in the base's frame. */
interface PlacedJoint {
  readonly name: string;
  readonly kind: ChainJoint["kind"];
  readonly position: Vec3;
  readonly axis: Vec3;
}

const AXIS_X: Vec3 = [1, 0, 0];
const ORIGIN: Vec3 = [0, 0, 0];

/**
 * The serial chain of a robot description between two of its links: where the tip is, and how it moves.
 *
 * Positions and velocities are given by name, so that no order of joints can be wrong.
 */
export class KinematicChain {
  readonly base: string;
  readonly tip: string;
  /** Joints that move, from the base to the tip. */
  readonly joints: readonly string[];
  readonly #chain: readonly ChainJoint[];

  /** @throws ERR_SYNTAX for text that is no URDF; ERR_INVALID_ARGUMENT for links that it does not join */
  constructor(urdf: string, base: string, tip: string) {
    this.base = base;
    this.tip = tip;
    this.#chain = chainBetween(parseUrdf(urdf).joints, base, tip);
    this.joints = this.#chain.filter(({ kind }) => kind !== "fixed").map(({ name }) => name);
  }

  /** The tip in the base's frame. Units: rad or m, m. */
  pose(positions: ReadonlyMap<string, number>): ChainPose {
    const { position, rotation } = this.#follow(positions);
    return { position, orientation: quaternionOf(rotation) };
  }

  /** How the tip moves, in the base's frame: Jacobian times joint velocities. Units: rad/s or m/s, m/s and rad/s. */
  twist(
    positions: ReadonlyMap<string, number>,
    velocities: ReadonlyMap<string, number>,
  ): { readonly linear: Vec3; readonly angular: Vec3 } {
    const { position: tip, placed } = this.#follow(positions);
    let linear = ORIGIN;
    let angular = ORIGIN;
    for (const { name, kind, position, axis } of placed) {
      const speed = velocities.get(name) ?? 0;
      const lever: Vec3 = [tip[0] - position[0], tip[1] - position[1], tip[2] - position[2]];
      linear = plus(linear, kind === "turns" ? cross(axis, lever) : axis, speed);
      if (kind === "turns") angular = plus(angular, axis, speed);
    }
    return { linear, angular };
  }

  #follow(positions: ReadonlyMap<string, number>) {
    let position = ORIGIN;
    let rotation: Mat3 = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    const placed: PlacedJoint[] = [];
    for (const { name, kind, origin, rotation: own, axis } of this.#chain) {
      position = plus(position, transform(rotation, origin), 1);
      rotation = multiply(rotation, own);
      if (kind === "fixed") continue;
      const value = positions.get(name) ?? 0;
      const direction = transform(rotation, axis);
      placed.push({ name, kind, position, axis: direction });
      if (kind === "turns") rotation = multiply(rotation, axisRotation(axis, value));
      else position = plus(position, direction, value);
    }
    return { position, rotation, placed };
  }
}

function chainBetween(joints: readonly UrdfJoint[], base: string, tip: string): ChainJoint[] {
  const chain: ChainJoint[] = [];
  for (let link = tip; link !== base; ) {
    const joint = joints.find(({ child }) => child?.["@link"] === link);
    if (joint?.parent === undefined || chain.length > joints.length) {
      throw new LatentloopError(
        "ERR_INVALID_ARGUMENT",
        `Expected a chain of joints from '${base}' to '${tip}' in the robot description but found none above '${link}'.`,
        { remedy: `Its links: ${joints.flatMap(({ child }) => child?.["@link"] ?? []).join(", ")}.` },
      );
    }
    chain.unshift(chainJoint(joint));
    link = joint.parent["@link"];
  }
  return chain;
}

function chainJoint(joint: UrdfJoint): ChainJoint {
  const [x, y, z] = triple(joint.axis?.["@xyz"], AXIS_X);
  const length = Math.hypot(x, y, z) || 1;
  const slides = joint["@type"] === "prismatic";
  return {
    name: joint["@name"],
    kind: isMovable(joint) ? (slides ? "slides" : "turns") : "fixed",
    origin: triple(joint.origin?.["@xyz"], ORIGIN),
    rotation: rpyRotation(triple(joint.origin?.["@rpy"], ORIGIN)),
    axis: [x / length, y / length, z / length],
  };
}

function triple(text: string | undefined, otherwise: Vec3): Vec3 {
  if (text === undefined) return otherwise;
  const [x, y, z, ...more] = text.trim().split(/\s+/).map(Number);
  if (x !== undefined && y !== undefined && z !== undefined && more.length === 0 && Number.isFinite(x + y + z))
    return [x, y, z];
  throw new LatentloopError("ERR_SYNTAX", `Expected three numbers in the robot description but received '${text}'.`);
}

function plus([x, y, z]: Vec3, [dx, dy, dz]: Vec3, scale: number): Vec3 {
  return [x + scale * dx, y + scale * dy, z + scale * dz];
}

function cross([ax, ay, az]: Vec3, [bx, by, bz]: Vec3): Vec3 {
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}
