import type { TwistStamped } from "../../messages/index.ts";
import type { DeviceEvents, HumanDevice, HumanState } from "./human-device.ts";
import type { MotionRequest } from "./motion-request.ts";

/** As MoveIt Servo has it: an older twist is none. */
const SILENT_MS = 100;

/** The velocity of the tool from a topic, whatever publishes it. That it goes on coming is the deadman. */
export class TwistDevice implements HumanDevice {
  inputNs = Number.NaN;
  readonly #request: MotionRequest;
  readonly #events: Pick<DeviceEvents, "onInput">;
  readonly #twist = new Float64Array(6);

  constructor(request: MotionRequest, events: Pick<DeviceEvents, "onInput">) {
    this.#request = request;
    this.#events = events;
  }

  update({ twist: { linear, angular } }: TwistStamped, nowNs: number): void {
    this.#twist.set([linear.x, linear.y, linear.z, angular.x, angular.y, angular.z]);
    this.inputNs = nowNs;
    this.#events.onInput();
  }

  read(nowNs: number, positions: ArrayLike<number>, wanted: Float64Array): HumanState {
    wanted.fill(0);
    if (!(nowNs - this.inputNs <= SILENT_MS * 1e6)) return "released";
    if (!this.#twist.every(Number.isFinite)) return { trouble: "a twist held a value that is not finite" };
    this.#request.clear();
    this.#request.addTwist(this.#twist);
    this.#request.velocitiesInto(positions, wanted);
    return "held";
  }

  engage(): void {}

  close(): void {
    this.inputNs = Number.NaN;
  }
}
