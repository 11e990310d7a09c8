import type { KeyEvent } from "../keys/key-parser.ts";
import type { OperatorWord } from "./live-collection.ts";

/** Keys for the episode and the robot; every other key goes to the teleop node. */
export const OPERATOR_KEYS: Readonly<Record<string, { readonly word: OperatorWord | "note"; readonly about: string }>> =
  {
    enter: { word: "begin", about: "begin, or end with success; after a halt: arm again" },
    backspace: { word: "failure", about: "end with failure" },
    z: { word: "redo", about: "discard, record again" },
    n: { word: "note", about: "write a note" },
    tab: { word: "take-over", about: "take over, hand back" },
    space: { word: "halt", about: "halt" },
    x: { word: "stop", about: "stop" },
    "ctrl+c": { word: "stop", about: "stop" },
  };

export interface OperatorKeyPorts {
  /** An episode runs and the robot is not halted: enter is its end. */
  readonly isRunning: () => boolean;
  onWord(word: OperatorWord): void;
  onNote(text: string): void;
  onMotion(event: KeyEvent): void;
}

/** What the operator's keys mean, and the line of a note while one is written. */
export class OperatorKeys {
  /** The note so far; undefined when none is being written. */
  note: string | undefined;
  readonly #ports: OperatorKeyPorts;

  constructor(ports: OperatorKeyPorts) {
    this.#ports = ports;
  }

  take(event: KeyEvent): void {
    if (event.kind === "release") {
      if (this.note === undefined) this.#ports.onMotion(event);
      return;
    }
    if (this.note !== undefined) this.#write(event.key, this.note);
    else this.#command(event);
  }

  #command(event: KeyEvent): void {
    const meaning = Object.hasOwn(OPERATOR_KEYS, event.key) ? OPERATOR_KEYS[event.key] : undefined;
    if (meaning === undefined) this.#ports.onMotion(event);
    else if (meaning.word === "note") this.note = "";
    else if (meaning.word === "begin" && this.#ports.isRunning()) this.#ports.onWord("success");
    else this.#ports.onWord(meaning.word);
  }

  #write(key: string, before: string): void {
    if (key === "ctrl+c") this.#ports.onWord("stop");
    if (key === "escape" || key === "ctrl+c") this.note = undefined;
    else if (key === "enter") {
      this.note = undefined;
      if (before.trim() !== "") this.#ports.onNote(before.trim());
    } else if (key === "backspace") this.note = [...before].slice(0, -1).join("");
    else if (key === "space") this.note = `${before} `;
    else if ([...key].length === 1) this.note = before + key;
  }
}
