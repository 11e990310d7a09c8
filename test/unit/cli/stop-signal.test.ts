import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { untilStopped } from "../../../src/cli/stop-signal.ts";

test("work is told to end when its time is over, and not before", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const seen = await untilStopped(async (signal) => {
      mock.timers.tick(2999);
      const before = signal.aborted;
      mock.timers.tick(1);
      return [before, signal.aborted];
    }, 3);
    assert.deepEqual(seen, [false, true]);
  } finally {
    mock.timers.reset();
  }
});

test("work that gets no time is told so from the beginning", async () => {
  assert.equal(await untilStopped(async ({ aborted }) => aborted, 0), true);
  assert.equal(await untilStopped(async ({ aborted }) => aborted), false);
});

test("a signal tells the work to end, and nothing listens any more once it has ended", async () => {
  const listeners = process.listenerCount("SIGHUP");
  const aborted = await untilStopped(async (signal) => {
    process.emit("SIGHUP");
    return signal.aborted;
  });
  assert.equal(aborted, true);
  await assert.rejects(
    untilStopped(async () => {
      throw new Error("failed");
    }),
    /failed/,
  );
  assert.equal(process.listenerCount("SIGHUP"), listeners);
});
