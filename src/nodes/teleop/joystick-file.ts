import { closeSync, constants, openSync, readSync } from "node:fs";
import { messageOf } from "../../core/errors.ts";

/** struct js_event of linux/joystick.h: time (uint32, ms), value (int16), type, number. */
const EVENT_BYTES = 8;
const BUTTON = 1;
const AXIS = 2;
/** Set in the type of the events that tell the state at the opening. */
const INITIAL = 0x80;
const FULL_DEFLECTION = 32767;
const EVENTS_PER_READ = 64;

export type JoystickReading =
  | { readonly kind: "unchanged" }
  | { readonly kind: "changed"; readonly axes: readonly number[]; readonly buttons: readonly number[] }
  /** It was unplugged, or never there. */
  | { readonly kind: "lost"; readonly why: string };

/**
 * A gamepad of Linux's joystick interface (/dev/input/js0), read without waiting.
 *
 * Axes are turned to ROS's signs: up and left are positive. A device that went away is opened again when it is back.
 */
export class JoystickFile {
  readonly #path: string;
  readonly #buffer = Buffer.alloc(EVENT_BYTES * EVENTS_PER_READ);
  #file: number | undefined;
  #axes: number[] = [];
  #buttons: number[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** What happened since the last call. */
  poll(): JoystickReading {
    try {
      this.#file ??= openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
      const bytes = readSync(this.#file, this.#buffer);
      if (bytes === 0) throw new Error("it ended");
      for (let at = 0; at + EVENT_BYTES <= bytes; at += EVENT_BYTES) this.#take(at);
      return { kind: "changed", axes: this.#axes, buttons: this.#buttons };
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "EAGAIN") return { kind: "unchanged" };
      this.close();
      return { kind: "lost", why: `the gamepad ${this.#path} does not answer: ${messageOf(thrown)}` };
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#axes = [];
    this.#buttons = [];
  }

  #take(at: number): void {
    const value = this.#buffer.readInt16LE(at + 4);
    const type = this.#buffer.readUInt8(at + 6) & ~INITIAL;
    const number = this.#buffer.readUInt8(at + 7);
    if (type === AXIS) fillUpTo(this.#axes, number)[number] = Math.max(-1, -value / FULL_DEFLECTION) + 0;
    else if (type === BUTTON) fillUpTo(this.#buttons, number)[number] = value;
  }
}

function fillUpTo(values: number[], index: number): number[] {
  while (values.length <= index) values.push(0);
  return values;
}
