import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type OperatorKeyPorts, OperatorKeys } from "../../../../src/cli/collect/operator-keys.ts";
import { KeyParser } from "../../../../src/cli/keys/key-parser.ts";

const parse = (text: string) =>
  new KeyParser().parse(Buffer.from(text)).map(({ key, kind }) => `${kind === "press" ? "+" : "-"}${key}`);

test("plain keys, control keys and the sequences of cursor keys", () => {
  assert.deepEqual(parse("aZé \r\t\x7f\x03"), ["+a", "+Z", "+é", "+space", "+enter", "+tab", "+backspace", "+ctrl+c"]);
  assert.deepEqual(parse("\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[1;5C"), ["+up", "+down", "+pageup", "+pagedown", "+right"]);
  assert.deepEqual(parse("\x1b"), ["+escape"]);
});

test("kitty's sequences say presses, repetitions and releases", () => {
  assert.deepEqual(parse("\x1b[97u\x1b[97;1:2u\x1b[97;1:3u\x1b[1;1:3A\x1b[99;5u\x1b[13;1:3u"), [
    "+a",
    "+a",
    "-a",
    "-up",
    "+ctrl+c",
    "-enter",
  ]);
});

test("a sequence in pieces is the same as in one, and no bytes make it throw", () => {
  const whole = "a\x1b[A\x1b[97;1:3ué\x1b[5~";
  const parser = new KeyParser();
  const bytes = Buffer.from(whole);
  const cut = 3; // within the first sequence, behind its bracket
  const pieces = [...parser.parse(bytes.subarray(0, cut)), ...parser.parse(bytes.subarray(cut))];
  assert.deepEqual(pieces, new KeyParser().parse(bytes));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => {
      const each = new KeyParser();
      each.parse(noise);
      assert.ok(each.parse(Buffer.from("\x1b[A")).length >= 0);
    }),
    { numRuns: 500, seed: 1 },
  );
});

function operator(isRunning: boolean) {
  const said: string[] = [];
  const ports: OperatorKeyPorts = {
    isRunning: () => isRunning,
    onWord: (word) => said.push(word),
    onNote: (text) => said.push(`note ${text}`),
    onMotion: ({ key, kind }) => said.push(`${kind} ${key}`),
  };
  const keys = new OperatorKeys(ports);
  const type = (text: string) => {
    for (const event of new KeyParser().parse(Buffer.from(text))) keys.take(event);
    return said;
  };
  return { keys, type };
}

test("enter begins when no episode runs and ends with success when one does", () => {
  assert.deepEqual(operator(false).type("\r"), ["begin"]);
  assert.deepEqual(operator(true).type("\r\x7fz\tx \x03"), [
    "success",
    "failure",
    "redo",
    "take-over",
    "stop",
    "halt",
    "stop",
  ]);
});

test("other keys move the robot, but not while a note is written", () => {
  const { keys, type } = operator(true);
  assert.deepEqual(type("qw\x1b[A"), ["press q", "press w", "press up"]);
  type("nlost qp\x7f grip\x1b[A");
  assert.equal(keys.note, "lost q grip");
  assert.deepEqual(type("\r").slice(3), ["note lost q grip"]);
  type("nx\x1b");
  assert.equal(keys.note, undefined);
  assert.equal(type("").length, 4, "escape leaves it unwritten");
});
