import assert from "node:assert/strict";
import { test } from "node:test";
import { onStopSignal, STOP_SIGNALS } from "../../../src/core/stop-signals.ts";

/** What a listener is told when these signals come one after another. */
function heard(...signals: NodeJS.Signals[]): string[] {
  const said: string[] = [];
  const release = onStopSignal(
    () => said.push("stop"),
    () => said.push("insist"),
  );
  for (const signal of signals) process.emit(signal, signal);
  release();
  return said;
}

test("every signal to stop stops, once", () => {
  assert.deepEqual(STOP_SIGNALS, ["SIGINT", "SIGTERM", "SIGHUP"]);
  for (const signal of STOP_SIGNALS) assert.deepEqual(heard(signal), ["stop"], signal);
});

test("a second Ctrl-C or request to end insists", () => {
  assert.deepEqual(heard("SIGINT", "SIGINT"), ["stop", "insist"]);
  assert.deepEqual(heard("SIGINT", "SIGTERM", "SIGTERM"), ["stop", "insist", "insist"]);
});

test("a terminal that is gone never insists, however often it says so and whatever comes before or after", () => {
  assert.deepEqual(heard("SIGHUP", "SIGHUP", "SIGHUP"), ["stop"]);
  assert.deepEqual(heard("SIGTERM", "SIGHUP"), ["stop"]);
  assert.deepEqual(heard("SIGHUP", "SIGTERM"), ["stop"]);
  assert.deepEqual(heard("SIGHUP", "SIGTERM", "SIGTERM"), ["stop", "insist"]);
});

test("nothing listens any more once it is over", () => {
  const counts = () => STOP_SIGNALS.map((signal) => process.listenerCount(signal));
  const before = counts();
  heard();
  assert.deepEqual(counts(), before);
});

test("output that nobody can take any more fails nothing, and one listener sees to that", () => {
  for (let i = 0; i < 2; i++) onStopSignal(() => {})();
  for (const stream of [process.stdout, process.stderr]) {
    const losing = stream.listeners("error").filter(({ name }) => name === "loseOutput");
    assert.equal(losing.length, 1);
    losing[0]!(new Error("write EIO"));
  }
});
