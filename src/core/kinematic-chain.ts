/** One joint of a chain, as URDF describes it. Units: m, rad; roll, pitch, yaw about the fixed axes of the parent. */
export interface ChainJoint {
  readonly kind: "revolute" | "prismatic" | "fixed";
  /** Where the joint stands in its parent. */
  readonly xyz: readonly [number, number, number];
  readonly rpy: readonly [number, number, number];
  /** Unit vector in the joint's own frame. */
  readonly axis: readonly [number, number, number];
  /** Its place in the robot's vectors of positions; -1: it stands at 0. */
  readonly index: number;
}

/** The joints from a robot's base to one of its links, in order. */
export type KinematicChain = readonly ChainJoint[];
