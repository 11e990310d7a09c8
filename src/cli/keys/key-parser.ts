import { StringDecoder } from "node:string_decoder";

/** A key that was pressed (or is repeated while it is held), or released, where the terminal says so. */
export interface KeyEvent {
  /** "a", "A", "é"; "up", "enter", "escape", …; "ctrl+c". */
  readonly key: string;
  readonly kind: "press" | "release";
}

const CONTROL: Readonly<Record<number, string>> = {
  8: "backspace",
  9: "tab",
  10: "enter",
  13: "enter",
  27: "escape",
  32: "space",
  127: "backspace",
};
const FINAL_LETTERS: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
};
const TILDE_NUMBERS: Readonly<Record<string, string>> = {
  1: "home",
  2: "insert",
  3: "delete",
  4: "end",
  5: "pageup",
  6: "pagedown",
  7: "home",
  8: "end",
};
/** What follows the escape character: SS3 and a letter, or CSI with parameters and a final character. */
const SEQUENCE = /^(?:O([A-Za-z])|\[([0-?]*)[ -/]*([@-~]))/;
const UNFINISHED = /^(?:O|\[[ -?]*)$/;
const CTRL_BIT = 4;
const RELEASE = "3";

/**
 * Turns what a terminal sends into keys: xterm's sequences, and kitty's, which also report releases.
 *
 * Source: ECMA-48 control sequences; the kitty keyboard protocol (sw.kovidgoyal.net/kitty/keyboard-protocol).
 * An unknown sequence is left out. A sequence that was cut between two reads is put together again.
 */
export class KeyParser {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  parse(bytes: Uint8Array): KeyEvent[] {
    let text = this.#rest + this.#decoder.write(Buffer.from(bytes));
    this.#rest = "";
    const events: KeyEvent[] = [];
    while (text !== "") {
      const { event, length } = text.startsWith("\x1b") ? parseEscape(text) : parsePlain(text);
      if (length === 0) {
        this.#rest = text;
        break;
      }
      if (event !== undefined) events.push(event);
      text = text.slice(length);
    }
    return events;
  }
}

interface Parsed {
  readonly event: KeyEvent | undefined;
  /** Consumed; 0: the rest is still to come. */
  readonly length: number;
}

function parsePlain(text: string): Parsed {
  const code = text.codePointAt(0)!;
  return { event: { key: nameOf(code), kind: "press" }, length: String.fromCodePoint(code).length };
}

function nameOf(code: number): string {
  return CONTROL[code] ?? (code < 32 ? `ctrl+${String.fromCodePoint(code + 96)}` : String.fromCodePoint(code));
}

function parseEscape(text: string): Parsed {
  // A lone escape is the key itself: terminals send a sequence in one piece.
  if (text.length === 1 || !(text[1] === "[" || text[1] === "O"))
    return { event: { key: "escape", kind: "press" }, length: 1 };
  const match = SEQUENCE.exec(text.slice(1));
  if (match === null)
    return UNFINISHED.test(text.slice(1)) ? { event: undefined, length: 0 } : { event: undefined, length: 2 };
  const [rest, plainFinal, parameters = "", final = plainFinal] = match;
  const [first = "", modifiers = ""] = parameters.split(";");
  const [modifier, kind] = modifiers.split(":");
  const key = keyOf(final!, first.split(":")[0]!, Number(modifier || 1) - 1);
  const event =
    key === undefined ? undefined : { key, kind: kind === RELEASE ? ("release" as const) : ("press" as const) };
  return { event, length: 1 + rest.length };
}

function keyOf(final: string, first: string, modifiers: number): string | undefined {
  if (final === "~") return TILDE_NUMBERS[first];
  if (final !== "u") return FINAL_LETTERS[final];
  const code = Number(first);
  if (!(code > 0 && code <= 0x10ffff)) return undefined;
  return (modifiers & CTRL_BIT) !== 0 ? `ctrl+${String.fromCodePoint(code)}` : nameOf(code);
}
