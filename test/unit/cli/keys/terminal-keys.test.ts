import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { ReadStream, WriteStream } from "node:tty";
import { TerminalKeys } from "../../../../src/cli/keys/terminal-keys.ts";

test("a terminal that is gone is closed without an error, though it can no longer be set", () => {
  const input = Object.assign(new PassThrough(), {
    isGone: false,
    setRawMode() {
      if (this.isGone) input.emit("error", new Error("setRawMode EIO"));
    },
  });
  const keys = new TerminalKeys(input as unknown as ReadStream, new PassThrough() as unknown as WriteStream, () => {});
  input.isGone = true;
  keys.close();
  assert.equal(input.isPaused(), true);
});
