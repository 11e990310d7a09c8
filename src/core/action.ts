import type { RobotModel } from "./robot.ts";

/** How one dimension of the normalised action becomes an SI quantity for the robot. */
export interface ActionDimension {
  readonly name: string;
  readonly unit: "rad/s" | "m/s" | "rad" | "m" | "N" | "N·m" | "1";
  /** SI value at -1 and at +1. */
  readonly low: number;
  readonly high: number;
}

/** The model's output: float32 in [-1, 1] per dimension. */
export interface ActionSpace {
  readonly dimensions: readonly ActionDimension[];
}

/** Joint velocities, full speed at ±1: the actions of a robot that no model drives. */
export function velocityActionSpace({ joints }: RobotModel): ActionSpace {
  return {
    dimensions: joints.map(({ name, limits }) => ({
      name,
      unit: "rad/s",
      low: -limits.velocity,
      high: limits.velocity,
    })),
  };
}

/** Normalised action → SI, in place. Shapes: action, out [A]. Timing: safe in the control loop. */
export function denormalizeAction(space: ActionSpace, action: Float32Array, out: Float32Array): Float32Array {
  for (let i = 0; i < out.length; i++) {
    const { low, high } = space.dimensions[i]!;
    out[i] = low + ((action[i]! + 1) / 2) * (high - low);
  }
  return out;
}

/** SI → normalised action, in place: the inverse of `denormalizeAction`. */
export function normalizeAction(space: ActionSpace, value: Float32Array, out: Float32Array): Float32Array {
  for (let i = 0; i < out.length; i++) {
    const { low, high } = space.dimensions[i]!;
    out[i] = (2 * (value[i]! - low)) / (high - low) - 1;
  }
  return out;
}
