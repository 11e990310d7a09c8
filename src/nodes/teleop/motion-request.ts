import { LatentloopError } from "../../core/errors.ts";
import type { KinematicChain } from "../../core/kinematic-chain.ts";
import type { RobotModel } from "../../core/robot.ts";
import { ResolvedRate } from "../../math/resolved-rate.ts";
import { SerialChain, TWIST_ROWS } from "../../math/serial-chain.ts";

const TOOL_AXES = ["x", "y", "z", "roll", "pitch", "yaw"] as const;
const LINEAR_AXES = 3;

/** Units: m/s, rad/s; `joint` is a share of each joint's velocity limit. */
export interface Speeds {
  readonly linear: number;
  readonly angular: number;
  readonly joint: number;
}

export interface MotionRequestOptions {
  readonly robot: RobotModel;
  /** To the tool; without it only joints move. */
  readonly chain: KinematicChain | undefined;
  readonly speeds: Speeds;
  readonly frame: "base" | "tool";
  /** Everything that a device may move. */
  readonly targets: readonly string[];
  /** Axes of the tool without a chain: an error, or left out as a default mapping's are. */
  readonly isDefault: boolean;
}

/**
 * Sums up what a human asks for and turns it into joint velocities.
 *
 * The tool's axes that the mapping names are held to what is asked; the others are free.
 */
export class MotionRequest {
  readonly #options: MotionRequestOptions;
  readonly #chain: SerialChain | undefined;
  readonly #rate: ResolvedRate | undefined;
  readonly #places: ReadonlyMap<string, { readonly tool: number } | { readonly joint: number }>;
  readonly #twist = new Float64Array(TWIST_ROWS);
  readonly #turned = new Float64Array(TWIST_ROWS);
  readonly #joints: Float64Array;
  readonly #jacobian: Float64Array;

  /** @throws ERR_INPUT_DEVICE for a target that is no axis of the tool and no joint, or for an axis without a chain */
  constructor(options: MotionRequestOptions) {
    const { robot, chain, targets } = options;
    this.#options = options;
    const places = targets.map((name) => [name, placeOf(name, options)] as const);
    this.#places = new Map(places.flatMap(([name, place]) => (place === undefined ? [] : [[name, place]])));
    const rows = TOOL_AXES.flatMap((axis, row) => (this.#places.has(axis) ? [row] : []));
    this.#chain = chain && new SerialChain(chain);
    this.#rate = rows.length > 0 ? new ResolvedRate(rows, robot.joints) : undefined;
    this.#joints = new Float64Array(robot.joints.length);
    this.#jacobian = new Float64Array(TWIST_ROWS * robot.joints.length);
  }

  clear(): void {
    this.#twist.fill(0);
    this.#joints.fill(0);
  }

  /** @param share of full speed */
  add(target: string, share: number): void {
    const { speeds, robot } = this.#options;
    const place = this.#places.get(target);
    if (place === undefined) return;
    if ("tool" in place) {
      this.#twist[place.tool]! += share * (place.tool < LINEAR_AXES ? speeds.linear : speeds.angular);
    } else {
      this.#joints[place.joint]! += share * speeds.joint * robot.joints[place.joint]!.limits.velocity;
    }
  }

  /** Units: m/s, rad/s. Shapes: twist [6] */
  addTwist(twist: ArrayLike<number>): void {
    for (let i = 0; i < TWIST_ROWS; i++) this.#twist[i]! += twist[i]!;
  }

  /** What the joints should do. Units: rad/s. Shapes: positions, out [J] */
  velocitiesInto(positions: ArrayLike<number>, out: Float64Array): void {
    out.fill(0);
    if (this.#chain && this.#rate && this.#twist.some((value) => value !== 0)) {
      this.#chain.update(positions);
      this.#chain.jacobianInto(this.#jacobian);
      this.#rate.solveInto(this.#jacobian, this.#inBase(this.#chain.rotation), positions, out);
    }
    for (let j = 0; j < out.length; j++) {
      const { velocity } = this.#options.robot.joints[j]!.limits;
      out[j] = Math.min(Math.max(out[j]! + this.#joints[j]!, -velocity), velocity);
    }
  }

  #inBase(rotation: Float64Array): Float64Array {
    if (this.#options.frame === "base") return this.#twist;
    for (let half = 0; half < TWIST_ROWS; half += 3) {
      for (let i = 0; i < 3; i++) {
        let sum = 0;
        for (let k = 0; k < 3; k++) sum += rotation[3 * i + k]! * this.#twist[half + k]!;
        this.#turned[half + i] = sum;
      }
    }
    return this.#turned;
  }
}

function placeOf(
  name: string,
  { robot, chain, isDefault }: MotionRequestOptions,
): { readonly tool: number } | { readonly joint: number } | undefined {
  const tool = TOOL_AXES.indexOf(name as (typeof TOOL_AXES)[number]);
  if (tool >= 0) {
    if (chain !== undefined) return { tool };
    if (isDefault) return undefined;
    throw new LatentloopError(
      "ERR_INPUT_DEVICE",
      `The mapping moves ${name} of the tool, but the robot's kinematics are not known.`,
      {
        remedy:
          "Name the robot's URDF and its tool in the parameter `kinematics` of the teleop node, or map to joints.",
      },
    );
  }
  const ordinal = /^#(\d+)$/.exec(name)?.[1];
  if (ordinal !== undefined) return Number(ordinal) <= robot.joints.length ? { joint: Number(ordinal) - 1 } : undefined;
  const joint = robot.joints.findIndex((each) => each.name === name);
  if (joint >= 0) return { joint };
  throw new LatentloopError(
    "ERR_INPUT_DEVICE",
    `Expected the mapping to move an axis or a joint but received "${name}".`,
    {
      remedy: `Axes of the tool: ${TOOL_AXES.join(", ")}; joints: ${robot.joints.map((each) => each.name).join(", ")}.`,
    },
  );
}
