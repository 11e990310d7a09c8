import type { ReadStream } from "node:tty";
import { type KeyEvent, KeyParser } from "./key-parser.ts";

/** Asks for releases too (kitty's flags 1, 2 and 8); other terminals ignore it. */
const REPORT_RELEASES = "\x1b[>11u";
const REPORT_AS_BEFORE = "\x1b[<u";

/** Reads single keys from a terminal until it is closed, and leaves the terminal as it was. Also over ssh. */
export class TerminalKeys {
  readonly #input: ReadStream;
  readonly #output: NodeJS.WriteStream;
  readonly #onData: (chunk: Buffer) => void;

  constructor(input: ReadStream, output: NodeJS.WriteStream, onKey: (event: KeyEvent) => void) {
    const parser = new KeyParser();
    this.#input = input;
    this.#output = output;
    this.#onData = (chunk) => {
      for (const event of parser.parse(chunk)) onKey(event);
    };
    input.on("error", () => {}); // a terminal that is gone ends by its signal, not by what can no longer be set or read
    input.setRawMode(true);
    input.on("data", this.#onData);
    input.resume();
    output.write(REPORT_RELEASES);
  }

  close(): void {
    this.#output.write(REPORT_AS_BEFORE);
    this.#input.off("data", this.#onData);
    this.#input.setRawMode(false);
    this.#input.pause();
  }
}
