import { LatentloopError } from "../../core/errors.ts";
import type { RobotModel } from "../../core/robot.ts";
import type { JointState } from "../../messages/index.ts";
import type { DeviceEvents, HumanDevice, HumanState } from "./human-device.ts";
import type { LeaderMapping } from "./mapping.ts";

interface FollowedJoint {
  /** In the robot's order. */
  readonly index: number;
  readonly name: string;
  readonly leader: string;
  readonly scale: number;
  readonly offset: number;
}

/** A leader that is silent for longer has let go. */
const SILENT_MS = 200;

/**
 * A leader arm, whose joints the robot's joints follow by name, with scale and offset.
 *
 * After a take-over the robot first comes to the leader slowly, and follows from there. A leader that is too far away moves
 * nothing: then, or when it jumps, its human has to bring it nearer. Its own messages are the deadman.
 */
export class LeaderDevice implements HumanDevice {
  inputNs = Number.NaN;
  readonly #mapping: LeaderMapping;
  readonly #joints: readonly FollowedJoint[];
  readonly #targets: Float64Array;
  readonly #speeds: Float64Array;
  readonly #events: Pick<DeviceEvents, "onInput">;
  #trouble = "no joint state of the leader yet";
  #isFollowing = false;

  /** @throws ERR_INPUT_DEVICE for a joint that the robot does not have */
  constructor(mapping: LeaderMapping, robot: RobotModel, events: Pick<DeviceEvents, "onInput">) {
    this.#mapping = mapping;
    this.#joints = followedJoints(mapping, robot);
    this.#targets = new Float64Array(robot.joints.length).fill(Number.NaN);
    this.#speeds = new Float64Array(robot.joints.length);
    this.#events = events;
  }

  /** A joint state of the leader, in any order. */
  update({ name, position, velocity }: Pick<JointState, "name" | "position" | "velocity">, nowNs: number): void {
    for (const { index, leader, scale, offset } of this.#joints) {
      const at = name.indexOf(leader);
      const value = at < 0 ? Number.NaN : position[at];
      if (value === undefined || !Number.isFinite(value)) {
        this.#trouble = `the leader's joint state has no position of its joint '${leader}'`;
        this.inputNs = Number.NaN;
        return;
      }
      this.#targets[index] = scale * value + offset;
      const speed = velocity[at] ?? 0;
      this.#speeds[index] = Number.isFinite(speed) ? scale * speed : 0;
    }
    this.#trouble = "";
    this.inputNs = nowNs;
    this.#events.onInput();
  }

  read(nowNs: number, positions: ArrayLike<number>, wanted: Float64Array): HumanState {
    wanted.fill(0);
    if (this.#trouble !== "") return this.#stop(this.#trouble);
    if (!(nowNs - this.inputNs <= SILENT_MS * 1e6)) return this.#stop(`the leader was silent for ${SILENT_MS} ms`);
    const { gain, approachSpeed, tolerance, refuseBeyond } = this.#mapping;
    let isNear = true;
    for (const { index, name } of this.#joints) {
      const distance = this.#targets[index]! - positions[index]!;
      if (!(Math.abs(distance) <= refuseBeyond)) {
        wanted.fill(0);
        return this.#stop(
          `the leader is ${Math.abs(distance).toFixed(2)} rad away from the robot's joint '${name}', more than ${refuseBeyond}: bring it nearer`,
        );
      }
      if (Math.abs(distance) > tolerance) isNear = false;
      const approach = gain * distance;
      wanted[index] = this.#isFollowing
        ? approach + this.#speeds[index]!
        : Math.min(Math.max(approach, -approachSpeed), approachSpeed);
    }
    if (isNear) this.#isFollowing = true;
    return "held";
  }

  engage(): void {
    this.#isFollowing = false;
  }

  close(): void {
    this.#trouble = "closed";
  }

  #stop(trouble: string): HumanState {
    this.#isFollowing = false;
    return { trouble };
  }
}

function followedJoints({ joints }: LeaderMapping, robot: RobotModel): readonly FollowedJoint[] {
  const names = robot.joints.map(({ name }) => name);
  if (Object.keys(joints).length === 0) {
    return names.map((name, index) => ({ index, name, leader: name, scale: 1, offset: 0 }));
  }
  return Object.entries(joints).map(([name, mapped]) => {
    const index = names.indexOf(name);
    if (index >= 0) return { index, name, ...mapped };
    throw new LatentloopError(
      "ERR_INPUT_DEVICE",
      `Expected a joint of ${robot.name} to follow the leader but received "${name}".`,
      {
        remedy: `Its joints: ${names.join(", ")}.`,
      },
    );
  });
}
