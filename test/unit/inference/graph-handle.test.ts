import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LatentloopError } from "../../../src/core/errors.ts";
import { GraphHandle } from "../../../src/inference/graph-handle.ts";
import { allocateSharedGraph, STATE, viewSharedGraph, WORD } from "../../../src/inference/shared-graph.ts";

const signature = {
  inputs: [{ name: "x", shape: [1], dtype: "float32" }],
  outputs: [{ name: "y", shape: [1], dtype: "float32" }],
} as const;

/** A handle whose inference thread is this test: `onRing` plays its part during the call. The clock moves by 1 ms a reading. */
function setUp() {
  const memory = allocateSharedGraph(signature);
  const thread = viewSharedGraph(memory, signature);
  const [x, y] = [thread.inputs.x as Float32Array, thread.outputs.y as Float32Array];
  let nowNs = 0;
  const queue = {
    clock: { monotonicNs: () => (nowNs += 1e6), rosNs: () => 0n },
    refusal: undefined as LatentloopError | undefined,
    nextTicket: () => 0,
    onRing: () => {},
    ring: () => queue.onRing(),
  };
  const move = (from: number, to: number) => Atomics.compareExchange(thread.control, WORD.state, from, to) === from;
  /** As inference-thread.ts does: y = 2x, unless the caller gave up. */
  const start = () => move(STATE.queued, STATE.running);
  const finish = () => {
    if (move(STATE.running, STATE.writing)) y[0] = 2 * x[0]!;
    Atomics.store(thread.control, WORD.state, STATE.idle);
    Atomics.add(thread.control, WORD.completed, 1);
    Atomics.notify(thread.control, WORD.completed);
  };
  const handle = new GraphHandle("double", memory, signature, queue);
  const soonNs = () => nowNs + 3e6;
  return {
    handle,
    soonNs,
    queue,
    start,
    finish,
    x: handle.inputs.x as Float32Array,
    y: handle.outputs.y as Float32Array,
  };
}

test("a call that is served in time returns its result", () => {
  const { handle, soonNs, queue, start, finish, x, y } = setUp();
  queue.onRing = () => {
    start();
    finish();
  };
  x[0] = 3;
  assert.equal(handle.runSync(soonNs()).status, "done");
  assert.equal(y[0], 6);
  assert.deepEqual(handle.counts, { runs: 1, late: 0 });
});

test("a call that is late in the queue is withdrawn: the thread never runs it", () => {
  const { handle, soonNs, start } = setUp();
  assert.equal(handle.runSync(soonNs()).status, "late");
  assert.equal(start(), false);
  assert.deepEqual(handle.counts, { runs: 1, late: 1 });
});

test("a call that is late while it runs is dropped: its result never reaches the outputs", () => {
  const { handle, soonNs, queue, start, finish, x, y } = setUp();
  queue.onRing = start;
  x[0] = 3;
  assert.equal(handle.runSync(soonNs()).status, "late");
  finish();
  assert.equal(y[0], 0);
});

test("a call after a dropped one waits for the thread and gets its own result", async () => {
  const { handle, soonNs, queue, start, finish, x, y } = setUp();
  queue.onRing = start;
  x[0] = 3;
  assert.equal(handle.runSync(soonNs()).status, "late");
  x[0] = 5;
  queue.onRing = () => {
    start();
    finish();
  };
  const second = handle.run();
  finish(); // of the dropped call
  assert.equal((await second).status, "done");
  assert.equal(y[0], 10);
});

test("a call that cannot even be queued before its deadline is late and leaves nothing behind", () => {
  const { handle, soonNs, queue, start } = setUp();
  queue.onRing = start;
  handle.runSync(soonNs());
  let rings = 0;
  queue.onRing = () => rings++;
  assert.equal(handle.runSync(soonNs()).status, "late");
  assert.equal(rings, 0);
});

test("a second call before the first has ended is refused", async () => {
  const { handle, queue, start, finish } = setUp();
  queue.onRing = start;
  const first = handle.run();
  await assert.rejects(handle.run(), { code: "ERR_INFERENCE_BUSY" });
  finish();
  assert.equal((await first).status, "done");
});

test("closing wakes a waiting call with an error", async () => {
  const { handle, soonNs } = setUp();
  const waiting = handle.run();
  handle.close();
  await assert.rejects(waiting, { code: "ERR_INFERENCE_CLOSED" });
  assert.throws(() => handle.runSync(soonNs()), { code: "ERR_INFERENCE_CLOSED" });
});

test("whatever the thread's speed, outputs are those of the last call that was done", () => {
  const speed = fc.constantFrom("prompt", "slow", "asleep");
  fc.assert(
    fc.property(fc.array(speed, { maxLength: 12 }), (speeds) => {
      const { handle, soonNs, queue, start, finish, x, y } = setUp();
      let expected = 0;
      let running = false;
      for (const [i, how] of speeds.entries()) {
        queue.onRing = () => {
          if (how !== "asleep") running = start();
          if (how === "prompt") finish();
        };
        x[0] = i + 1;
        const { status } = handle.runSync(soonNs());
        assert.equal(status, how === "prompt" ? "done" : "late");
        if (status === "done") expected = 2 * (i + 1);
        else if (running) finish();
        running = false;
        assert.equal(y[0], expected);
      }
    }),
    { numRuns: 40 },
  );
});
