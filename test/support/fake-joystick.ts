import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";

/** Why there can be none here, if so: for a test's `skip`. */
export const NO_FAKE_JOYSTICK = spawnSync("mkfifo", ["--version"]).error ? "mkfifo is missing" : false;

/** A pipe in the place of /dev/input/js0 that says what a gamepad of Linux's joystick interface says. */
export class FakeJoystick {
  /** A pipe can only be written while somebody reads it. */
  readonly #reader: number;
  readonly #writer: number;

  constructor(path: string) {
    spawnSync("mkfifo", [path]);
    this.#reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#writer = openSync(path, constants.O_WRONLY);
  }

  button(number: number, value: 0 | 1): void {
    this.#say(1, number, value);
  }

  /** @param value of 32767, as the kernel counts: down and right are positive */
  axis(number: number, value: number): void {
    this.#say(2, number, value);
  }

  unplug(): void {
    closeSync(this.#reader);
    closeSync(this.#writer);
  }

  #say(type: number, number: number, value: number): void {
    const event = Buffer.alloc(8);
    event.writeInt16LE(value, 4);
    event.writeUInt8(type, 6);
    event.writeUInt8(number, 7);
    writeSync(this.#writer, event);
  }
}
