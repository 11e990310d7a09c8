import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { Hub, ThreadBus } from "../../../src/transport/index.ts";

const TIMEOUT_MS = 60_000;
const clockAt = (ms: number) => ({ monotonicNs: () => ms * 1e6, rosNs: () => 0n });

/** Calls a service when each of the three that it passes through comes to it so late. */
async function callLate(t: TestContext, { hubMs = 0, serverMs = 0, evenLate = false }) {
  const hub = new Hub(clockAt(hubMs));
  const thread = (id: string, ms: number) => {
    const { port1, port2 } = new MessageChannel();
    hub.connect(port1);
    const bus = new ThreadBus(port2, id, { clock: clockAt(ms) });
    t.after(() => bus.close());
    return bus;
  };
  const [caller, server] = [thread("caller", 0), thread("server", serverMs)];
  let armed = 0;
  server.serve("/arm", () => ({ success: true, message: `armed ${++armed}` }), { evenLate });
  await server.sync();
  const answer = await caller.call("/arm", TIMEOUT_MS).catch(({ code }: { code: string }) => code);
  return { answer, armed };
}

test("a call that its server comes to in time is done", async (t) => {
  const answer = { success: true, message: "armed 1" };
  assert.deepEqual(await callLate(t, { hubMs: 10, serverMs: TIMEOUT_MS - 1 }), { answer, armed: 1 });
});

test("a call that waited at its server for the caller's whole time is refused", async (t) => {
  const answer = { success: false, message: "refused: it came 7 ms after its time" };
  assert.deepEqual(await callLate(t, { serverMs: TIMEOUT_MS + 7 }), { answer, armed: 0 });
});

test("a call that waited in a busy process for the caller's whole time goes no further", async (t) => {
  assert.deepEqual(await callLate(t, { hubMs: TIMEOUT_MS }), { answer: "ERR_SERVICE_UNAVAILABLE", armed: 0 });
});

test("a service that says so is done however late", async (t) => {
  const late = await callLate(t, { serverMs: TIMEOUT_MS + 7, evenLate: true });
  assert.deepEqual(late, { answer: { success: true, message: "armed 1" }, armed: 1 });
  const { armed } = await callLate(t, { hubMs: TIMEOUT_MS, serverMs: TIMEOUT_MS, evenLate: true });
  assert.equal(armed, 1);
});
