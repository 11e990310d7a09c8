import type { DeviceEvents, HumanDevice, HumanState } from "./human-device.ts";
import type { JoyMapping } from "./mapping.ts";
import type { MotionRequest } from "./motion-request.ts";

/**
 * Axes and buttons of a gamepad, wherever they come from. A button is the deadman.
 *
 * The button counts only once it was seen released since the device came, or came back: a stuck one moves nothing.
 */
export class JoyDevice implements HumanDevice {
  inputNs = Number.NaN;
  readonly #mapping: JoyMapping;
  readonly #request: MotionRequest;
  readonly #events: DeviceEvents;
  #axes: ArrayLike<number> = [];
  #buttons: ArrayLike<number> = [];
  #trouble: string | undefined = "no input yet";
  #wasReleased = false;

  constructor(mapping: JoyMapping, request: MotionRequest, events: DeviceEvents) {
    this.#mapping = mapping;
    this.#request = request;
    this.#events = events;
  }

  /** A new state of all axes and buttons. */
  update(axes: ArrayLike<number>, buttons: ArrayLike<number>, nowNs: number): void {
    const before = this.#buttons;
    const isBack = this.#trouble !== undefined;
    const wasDown = before[this.#mapping.deadman] === 1;
    this.#axes = Float64Array.from(axes);
    this.#buttons = Int32Array.from(buttons);
    this.#trouble = undefined;
    this.inputNs = nowNs;
    if (isBack) this.#wasReleased = false;
    if (this.#buttons[this.#mapping.deadman] !== 1) this.#wasReleased = true;
    for (const { button, says } of this.#mapping.words) {
      if (!isBack && before[button] !== 1 && this.#buttons[button] === 1) this.#events.onWord(says);
    }
    if (wasDown || this.#isHeld()) this.#events.onInput();
  }

  /** The device is gone or silent. */
  lose(why: string): void {
    this.#trouble = why;
    this.#axes = [];
    this.#buttons = [];
  }

  read(_nowNs: number, positions: ArrayLike<number>, wanted: Float64Array): HumanState {
    wanted.fill(0);
    if (this.#trouble !== undefined) return { trouble: this.#trouble };
    if (!this.#isHeld()) return "released";
    this.#request.clear();
    for (const { axis, moves, by } of this.#mapping.axes) this.#request.add(moves, by * this.#deflection(axis));
    for (const { button, moves, by } of this.#mapping.buttons) {
      if (this.#buttons[button] === 1) this.#request.add(moves, by);
    }
    this.#request.velocitiesInto(positions, wanted);
    return "held";
  }

  /** The deadman that is held while its human takes over is the intention. */
  engage(): void {}

  close(): void {
    this.lose("closed");
  }

  #isHeld(): boolean {
    return this.#wasReleased && this.#buttons[this.#mapping.deadman] === 1;
  }

  /** 0 within the dead zone, from there to 1 without a step. */
  #deflection(axis: number): number {
    const value = this.#axes[axis] ?? 0;
    const { deadzone } = this.#mapping;
    const beyond = Math.min(1, Math.max(0, (Math.abs(value) - deadzone) / (1 - deadzone)));
    return Number.isFinite(value) ? Math.sign(value) * beyond : 0;
  }
}
