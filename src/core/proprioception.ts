import { LatentloopError } from "./errors.ts";

/**
 * One element of the proprioception vector, computed by name from what the robot reports.
 *
 * Names: `<joint>.position`, `<joint>.velocity`, `<joint>.cos`, `<joint>.sin` (rad, rad/s) and `<action dimension>.last`,
 * the normalised action that was really executed over the last policy step. The model sees (value − offset) / scale.
 */
export interface ProprioceptionFeature {
  readonly name: string;
  readonly offset: number;
  readonly scale: number;
}

type Source = (positions: ArrayLike<number>, velocities: ArrayLike<number>, lastAction: ArrayLike<number>) => number;

const JOINT_QUANTITIES: Readonly<Record<string, (joint: number) => Source>> = {
  position: (joint) => (positions) => positions[joint]!,
  velocity: (joint) => (_, velocities) => velocities[joint]!,
  cos: (joint) => (positions) => Math.cos(positions[joint]!),
  sin: (joint) => (positions) => Math.sin(positions[joint]!),
};

/** Writes the proprioception vector of one instant, in place. Timing: safe in the control loop. */
export type ProprioceptionReader = (
  positions: ArrayLike<number>,
  velocities: ArrayLike<number>,
  lastAction: ArrayLike<number>,
  out: Float32Array,
) => void;

/**
 * Binds feature names to a robot's joints and a model's action dimensions, once.
 *
 * @throws ERR_UNKNOWN_PROPRIOCEPTION if a name matches no joint, quantity or action dimension
 */
export function bindProprioception(
  features: readonly ProprioceptionFeature[],
  jointNames: readonly string[],
  actionNames: readonly string[],
): ProprioceptionReader {
  const sources = features.map((feature) => sourceOf(feature.name, jointNames, actionNames));
  return (positions, velocities, lastAction, out) => {
    for (let i = 0; i < sources.length; i++) {
      const { offset, scale } = features[i]!;
      out[i] = (sources[i]!(positions, velocities, lastAction) - offset) / scale;
    }
  };
}

function sourceOf(name: string, jointNames: readonly string[], actionNames: readonly string[]): Source {
  const dot = name.lastIndexOf(".");
  const [subject, quantity] = [name.slice(0, dot), name.slice(dot + 1)];
  if (quantity === "last") {
    const dimension = actionNames.indexOf(subject);
    if (dimension >= 0) return (_, __, lastAction) => lastAction[dimension]!;
  }
  const joint = jointNames.indexOf(subject);
  const quantityOf = JOINT_QUANTITIES[quantity];
  if (joint >= 0 && quantityOf !== undefined) return quantityOf(joint);
  throw new LatentloopError(
    "ERR_UNKNOWN_PROPRIOCEPTION",
    `Expected a proprioception name such as "${jointNames[0]}.position" or "${actionNames[0]}.last" but received "${name}".`,
    { remedy: `Joints: ${jointNames.join(", ")}; quantities: ${Object.keys(JOINT_QUANTITIES).join(", ")}, last.` },
  );
}
