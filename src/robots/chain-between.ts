import { isDeepStrictEqual } from "node:util";
import { parseUrdf } from "../config/urdf.ts";
import { chainFromUrdf } from "../config/urdf-chain.ts";
import { LatentloopError } from "../core/errors.ts";
import type { KinematicChain } from "../core/kinematic-chain.ts";

/**
 * The chain between two links of a robot description, moved by some or all of the named joints.
 * @throws ERR_SYNTAX for text that is no URDF; ERR_JOINT_MISSING for links that it does not join, or by other joints
 */
export function chainBetween(urdf: string, base: string, tip: string, joints: readonly string[]): KinematicChain {
  const described = parseUrdf(urdf).joints;
  const isRoot = described.every(({ child }) => child?.["@link"] !== base);
  const above = isRoot ? [] : chainFromUrdf(urdf, base, joints);
  const whole = chainFromUrdf(urdf, tip, joints);
  const chain = whole.slice(above.length);
  const isJoined = isRoot
    ? described.some(({ parent }) => parent?.["@link"] === base)
    : isDeepStrictEqual(whole.slice(0, above.length), above);
  const others = chain.filter(({ kind, index }) => kind !== "fixed" && index < 0);
  if (isJoined && chain.length > 0 && others.length === 0) return chain;
  throw new LatentloopError(
    "ERR_JOINT_MISSING",
    `Expected the joints that move '${tip}' against '${base}' in the robot description among ${joints.join(", ")} but found ${isJoined ? `${others.length} others` : "no way between these links"}.`,
  );
}
