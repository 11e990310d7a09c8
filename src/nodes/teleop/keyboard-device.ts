import type { NodeContext } from "../../core/node.ts";
import type { RosMessages } from "../../messages/index.ts";
import { HeldKeys } from "./held-keys.ts";
import type { DeviceEvents, HumanDevice } from "./human-device.ts";
import type { KeyboardMapping } from "./mapping.ts";
import type { MotionRequest } from "./motion-request.ts";

/**
 * Keys of a terminal, which some other process reads: "+up" for a press or its repetition, "-up" for a release.
 * The held key is the deadman.
 */
export class KeyboardDevice implements HumanDevice {
  inputNs = Number.NaN;
  readonly #keys: HeldKeys;
  readonly #moves: readonly (readonly [key: string, moves: readonly (readonly [target: string, share: number])[]])[];
  readonly #request: MotionRequest;

  constructor(
    mapping: KeyboardMapping,
    request: MotionRequest,
    events: Pick<DeviceEvents, "onInput">,
    context: NodeContext<RosMessages>,
  ) {
    this.#keys = new HeldKeys(mapping);
    this.#moves = Object.entries(mapping.keys).map(([key, moves]) => [key, Object.entries(moves)]);
    this.#request = request;
    context.subscribe("~/keys", "std_msgs/msg/String", ({ data }, { receivedNs }) => {
      const key = data.slice(1);
      if (data.startsWith("-")) this.#keys.release(key);
      else this.#keys.press(key, receivedNs);
      this.inputNs = receivedNs;
      events.onInput();
    });
  }

  read(nowNs: number, positions: ArrayLike<number>, wanted: Float64Array) {
    this.#request.clear();
    let isHeld = false;
    for (const [key, moves] of this.#moves) {
      if (!this.#keys.isHeld(key, nowNs)) continue;
      isHeld = true;
      for (const [target, share] of moves) this.#request.add(target, share);
    }
    this.#request.velocitiesInto(positions, wanted);
    return isHeld ? "held" : "released";
  }

  /** A key that is still held when its human takes over is the take-over: it counts. */
  engage(): void {}

  close(): void {
    this.#keys.releaseAll();
  }
}
