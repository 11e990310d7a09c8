import { LatentloopError } from "../core/errors.ts";
import type { ChainJoint, KinematicChain } from "../core/kinematic-chain.ts";
import { parseUrdf, type UrdfJoint } from "./urdf.ts";

type Vector3 = readonly [number, number, number];

/**
 * The chain of joints from the root of a robot description to a link.
 *
 * @param joints the robot's joints in the order of its vectors; others in the chain stand at 0
 * @throws ERR_SYNTAX for text that is no URDF, ERR_JOINT_MISSING for a link that no joint carries
 */
export function chainFromUrdf(text: string, tip: string, joints: readonly string[]): KinematicChain {
  const described = parseUrdf(text).joints;
  const chain: ChainJoint[] = [];
  const passed = new Set<string>();
  for (let link = tip; ; ) {
    const joint = described.find(({ child }) => child?.["@link"] === link);
    if (joint === undefined) break;
    if (passed.has(link))
      throw new LatentloopError("ERR_SYNTAX", `Expected a tree of links but '${link}' carries itself.`);
    passed.add(link);
    chain.unshift(chainJoint(joint, joints.indexOf(joint["@name"])));
    link = joint.parent?.["@link"] ?? "";
  }
  if (chain.length > 0) return chain;
  throw new LatentloopError(
    "ERR_JOINT_MISSING",
    `Expected a link of the URDF that a joint carries but received '${tip}'.`,
    {
      remedy: `It has: ${described.map(({ child }) => child?.["@link"] ?? "").join(", ") || "none"}.`,
    },
  );
}

function chainJoint({ "@name": name, "@type": type, origin, axis }: UrdfJoint, index: number): ChainJoint {
  const kind = type === "prismatic" || type === "fixed" ? type : "revolute";
  const direction = vectorOf(axis?.["@xyz"] ?? "1 0 0", `axis of joint '${name}'`);
  const length = Math.hypot(...direction);
  if (kind !== "fixed" && !(length > 0)) {
    throw new LatentloopError("ERR_SYNTAX", `Expected an axis for joint '${name}' in the URDF but received 0 0 0.`);
  }
  return {
    kind,
    xyz: vectorOf(origin?.["@xyz"] ?? "0 0 0", `place of joint '${name}'`),
    rpy: vectorOf(origin?.["@rpy"] ?? "0 0 0", `angles of joint '${name}'`),
    axis: [direction[0] / length, direction[1] / length, direction[2] / length],
    index,
  };
}

function vectorOf(text: string, what: string): Vector3 {
  const values = text.trim().split(/\s+/).map(Number);
  if (values.length === 3 && values.every(Number.isFinite)) return values as unknown as Vector3;
  throw new LatentloopError("ERR_SYNTAX", `Expected three numbers as ${what} in the URDF but received "${text}".`);
}
