import type { RobotModel } from "../core/robot.ts";
import { ResolvedRate } from "../math/resolved-rate.ts";
import { TWIST_ROWS } from "../math/serial-chain.ts";
import type { Physics } from "./physics.ts";

/** Speed towards a point per distance from it. Units: 1/s */
const GAIN = 3;

/** Brings a point of a simulated arm to places in space, with the Jacobian of the world as MuJoCo has it. */
export class PointServo {
  readonly #physics: Physics;
  readonly #joints: readonly number[];
  readonly #rate: ResolvedRate;
  readonly #jacobian: Float64Array;
  readonly #positions: Float64Array;
  readonly #twist = new Float64Array(TWIST_ROWS);

  /** @param axes of space that count: 0, 1, 2 for x, y, z */
  constructor(physics: Physics, robot: RobotModel, axes: readonly number[]) {
    this.#physics = physics;
    this.#joints = robot.joints.map(({ name }) => physics.id("joint", name));
    this.#rate = new ResolvedRate(axes, robot.joints);
    this.#jacobian = new Float64Array(TWIST_ROWS * robot.joints.length);
    this.#positions = new Float64Array(robot.joints.length);
  }

  /** Writes the joint velocities that take the point towards a target. Units: m, m/s, rad/s. Shapes: velocities [J] */
  approach(point: ArrayLike<number>, target: ArrayLike<number>, maxSpeed: number, velocities: Float64Array): void {
    let distance = 0;
    for (let i = 0; i < 3; i++) distance = Math.hypot(distance, target[i]! - point[i]!);
    const perMetre = distance === 0 ? 0 : Math.min(GAIN, maxSpeed / distance);
    for (let i = 0; i < 3; i++) this.#twist[i] = perMetre * (target[i]! - point[i]!);
    this.#lookUp(point);
    this.#rate.solveInto(this.#jacobian, this.#twist, this.#positions, velocities);
  }

  /** Columns of hinges: axis × (point − anchor). */
  #lookUp(point: ArrayLike<number>): void {
    const anchors = this.#physics.borrow("xanchor");
    const axes = this.#physics.borrow("xaxis");
    const qpos = this.#physics.borrow("qpos");
    const addresses = this.#physics.borrowModel("jnt_qposadr");
    const width = this.#joints.length;
    for (let j = 0; j < width; j++) {
      const joint = this.#joints[j]!;
      const at = 3 * joint;
      const [x, y, z] = [axes[at]!, axes[at + 1]!, axes[at + 2]!];
      const dx = point[0]! - anchors[at]!;
      const dy = point[1]! - anchors[at + 1]!;
      const dz = point[2]! - anchors[at + 2]!;
      this.#jacobian[j] = y * dz - z * dy;
      this.#jacobian[width + j] = z * dx - x * dz;
      this.#jacobian[2 * width + j] = x * dy - y * dx;
      this.#positions[j] = qpos[addresses[joint]!]!;
    }
  }
}
