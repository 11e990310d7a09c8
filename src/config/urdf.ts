import { XMLParser, XMLValidator } from "fast-xml-parser";
import { LatentloopError } from "../core/errors.ts";
import type { CommandInterface, Joint, RobotModel } from "../core/robot.ts";

export interface UrdfOptions {
  /** The controller's joints in its own order; by default every joint that moves, in the order of the description. */
  readonly joints?: readonly string[];
  readonly commandInterface: CommandInterface;
  /** URDF has none. Units: rad/s² (m/s² for prismatic joints). */
  readonly acceleration: number;
}

export interface UrdfJoint {
  readonly "@name": string;
  readonly "@type": string;
  readonly parent?: { readonly "@link": string };
  readonly child?: { readonly "@link": string };
  readonly origin?: { readonly "@xyz"?: string; readonly "@rpy"?: string };
  readonly axis?: { readonly "@xyz"?: string };
  readonly limit?: { readonly "@lower"?: string; readonly "@upper"?: string; readonly "@velocity"?: string };
  /** The joint that this one follows: it takes no commands of its own. */
  readonly mimic?: unknown;
}

/** A joint that turns without end needs numbers all the same. */
const ENDLESS_RAD = 1000;

/**
 * The joints and limits of a robot description.
 * @throws ERR_SYNTAX for text that is no URDF; ERR_JOINT_MISSING for a joint that it does not have, or without limits
 */
export function robotFromUrdf(text: string, options: UrdfOptions): RobotModel {
  const { name: robotName, joints: described } = parseUrdf(text);
  const movable = described.filter((joint) => joint["@type"] !== "fixed" && joint.mimic === undefined);
  const names = options.joints ?? movable.map((joint) => joint["@name"]);
  const joints = names.map((name) => {
    const joint = movable.find((candidate) => candidate["@name"] === name);
    if (joint !== undefined) return jointOf(joint, options.acceleration);
    throw new LatentloopError("ERR_JOINT_MISSING", `Expected a joint that moves in the URDF but received '${name}'.`, {
      remedy: `It has: ${movable.map((candidate) => candidate["@name"]).join(", ") || "none"}.`,
    });
  });
  return { name: robotName, commandInterface: options.commandInterface, joints };
}

/** The joints of a robot description as they are written. @throws ERR_SYNTAX for text that is no URDF */
export function parseUrdf(text: string): { readonly name: string; readonly joints: readonly UrdfJoint[] } {
  const validity = XMLValidator.validate(text);
  if (validity !== true) {
    const { msg, line } = validity.err;
    throw new LatentloopError(
      "ERR_SYNTAX",
      `Expected URDF but line ${line} says otherwise: ${msg.replace(/\.$/, "")}.`,
    );
  }
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "@",
    parseAttributeValue: false,
    isArray: (_, path) => path === "robot.joint",
  });
  const { robot } = parser.parse(text) as { robot?: { "@name"?: string; joint?: readonly UrdfJoint[] } };
  if (robot === undefined) throw new LatentloopError("ERR_SYNTAX", "Expected URDF with a <robot> at its root.");
  return { name: robot["@name"] ?? "robot", joints: robot.joint ?? [] };
}

function jointOf({ "@name": name, "@type": type, limit }: UrdfJoint, acceleration: number): Joint {
  const number = (key: "lower" | "upper" | "velocity", otherwise?: number): number => {
    const value = limit?.[`@${key}`] === undefined ? otherwise : Number(limit[`@${key}`]);
    if (value !== undefined && Number.isFinite(value)) return value;
    throw new LatentloopError(
      "ERR_JOINT_MISSING",
      `Expected a limit '${key}' for joint '${name}' in the URDF but received ${limit?.[`@${key}`] ?? "none"}.`,
    );
  };
  const endless = type === "continuous" ? ENDLESS_RAD : undefined;
  const lower = endless === undefined ? number("lower", 0) : -endless;
  const upper = endless === undefined ? number("upper", 0) : endless;
  return { name, limits: { lower, upper, velocity: number("velocity"), acceleration } };
}
