import type { ActionSpace } from "../core/action.ts";
import type { ProprioceptionFeature } from "../core/proprioception.ts";
import type { Rng } from "../core/rng.ts";
import type { RobotModel } from "../core/robot.ts";
import type { Physics } from "./physics.ts";

/** How actions reach the joints. */
export type Actuation =
  /** Motors: an action is a control signal of the model's actuators. */
  | { readonly kind: "effort"; readonly actuators: readonly string[] }
  /** A robot that takes joint velocities. */
  | { readonly kind: "velocity"; readonly actuators: readonly string[]; readonly robot: RobotModel }
  /** A robot that takes joint positions; an action is a velocity, summed up to a position at the command rate. */
  | {
      readonly kind: "position";
      readonly actuators: readonly string[];
      readonly robot: RobotModel;
      /** A summed-up target never runs further than this ahead of the joint, e.g. when the joint is blocked. */
      readonly leashRad: number;
    };

export interface TaskCamera {
  readonly name: string;
  /** Size unless the options ask for another. */
  readonly width: number;
  readonly height: number;
}

/** One simulated task: the world, what moves in it, what is wanted. Data and pure rules; the state lives in `Physics`. */
export interface Task {
  readonly name: string;
  readonly summary: string;
  readonly mjcf: string;
  readonly cameras: readonly TaskCamera[];
  readonly shadows: boolean;
  /** Actions per second. */
  readonly controlRateHz: number;
  /** Commands to the joints per second: a whole multiple of the control rate. */
  readonly commandRateHz: number;
  readonly episodeSteps: number;
  readonly actionSpace: ActionSpace;
  readonly actuation: Actuation;
  readonly proprioception: readonly ProprioceptionFeature[];
  /** Every reward lies in [low, high]. */
  readonly rewardRange: readonly [low: number, high: number];
  /** Reward per metre from the goal, where the reward is that distance alone. */
  readonly rewardPerM?: number;
  /** Looks up the model's names once. */
  bind(physics: Physics): TaskRules;
}

/** A task bound to its compiled world. */
export interface TaskRules {
  /** Writes a random start into the physics, which has just been reset. */
  start(rng: Rng): void;
  /** A new target without touching anything else, for robots that cannot be put back to a start. */
  retarget?(rng: Rng): void;
  /** A hand from outside pushes an object a few centimetres. */
  pushObject?(rng: Rng): void;
  /** Reward of the current state, after the control that is still set. */
  reward(): number;
  success(): boolean;
  /** Writes the joint velocities of a controller that knows where everything is. Units: rad/s. Shapes: out [J] */
  script?(out: Float64Array): void;
  /** Observations that are no joint readings; without it the task's proprioception is read from the robot. */
  observe?(out: Float32Array): void;
}

/** Features of the given names as they are, without offset and scale. */
export function plainFeatures(names: readonly string[]): ProprioceptionFeature[] {
  return names.map((name) => ({ name, offset: 0, scale: 1 }));
}

/** Normalised control signals of motors. */
export function motorActionSpace(names: readonly string[]): ActionSpace {
  return { dimensions: names.map((name) => ({ name, unit: "1", low: -1, high: 1 })) };
}
