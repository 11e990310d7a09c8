import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type CallHeader, RemoteCalls } from "../../../src/transport/zeromq/remote-calls.ts";

/** One process's end: its frames go out only when the test sends them on. Its clock began at any time. */
function end(id: string, beganMs: number) {
  const posted: { readonly prefix: string; readonly header: CallHeader }[] = [];
  const served: { readonly service: string; readonly timeoutMs: number }[] = [];
  const responses: object[] = [];
  const wanted = new Set(["?/arm\0"]);
  const time = { ms: beganMs };
  const calls = new RemoteCalls({
    id,
    clock: { monotonicNs: () => time.ms * 1e6, rosNs: () => 0n },
    isWanted: (prefix) => wanted.has(prefix),
    ask: (prefix, header) => void posted.push({ prefix, header }),
    answer: (prefix, header) => void posted.push({ prefix, header }),
    bus: {
      async call(service, timeoutMs) {
        served.push({ service, timeoutMs });
        return { success: true, message: "armed" };
      },
      respond: (call, response) => void responses.push({ call, ...response }),
    },
  });
  const call = (name: string, timeoutMs: number) =>
    calls.call({ call: name, service: "/arm", timeoutMs, deadlineNs: (time.ms + timeoutMs) * 1e6 });
  return { calls, posted, served, responses, wanted, time, call };
}

type End = ReturnType<typeof end>;

function pair() {
  const [operator, robot] = [end("operator", 5), end("robot", 9_000_000)];
  /** So much time passes for both. */
  const pass = (ms: number) => {
    for (const { time } of [operator, robot]) time.ms += ms;
  };
  return { operator, robot, pass };
}

/** Hands over the oldest frame that is on its way. */
async function deliver(from: End, to: End): Promise<string> {
  const { prefix, header } = from.posted.shift()!;
  to.calls.take(header);
  await setImmediate();
  return `${header.kind} ${JSON.stringify(prefix)}`;
}

test("a request is served once its caller has said that it still waits", async () => {
  const { operator, robot } = pair();
  operator.call("operator.1", 1000);
  assert.equal(await deliver(operator, robot), 'request "?/arm\\u0000"');
  assert.deepEqual(robot.served, []);
  assert.equal(await deliver(robot, operator), 'query "!operator\\u0000"');
  assert.equal(await deliver(operator, robot), 'confirm "!robot\\u0000"');
  assert.deepEqual(robot.served, [{ service: "/arm", timeoutMs: 1000 }]);
  assert.equal(await deliver(robot, operator), 'response "!operator\\u0000"');
  assert.deepEqual(operator.responses, [{ call: "operator.1", success: true, message: "armed" }]);
});

test("a request that was on its way for the caller's whole time is not served", async () => {
  const { operator, robot, pass } = pair();
  operator.call("operator.1", 1000);
  pass(1000);
  await deliver(operator, robot);
  await deliver(robot, operator);
  assert.deepEqual(operator.posted, [], "its caller gives no confirmation");
  assert.deepEqual(robot.served, []);
});

test("a service that says so is served however late, and nobody is asked back", async () => {
  const { operator, robot, pass } = pair();
  robot.calls.onServed("/arm", true);
  operator.call("operator.1", 1000);
  operator.calls.cancel("operator.1");
  pass(5000);
  await deliver(operator, robot);
  assert.deepEqual(robot.served, [{ service: "/arm", timeoutMs: 1000 }]);
  assert.match(await deliver(robot, operator), /^response/);
});

test("a call that is over is not confirmed, and not posted when somebody comes to serve it", async () => {
  const { operator, robot } = pair();
  operator.call("operator.1", 1000);
  await deliver(operator, robot);
  operator.calls.cancel("operator.1");
  await deliver(robot, operator);
  operator.wanted.clear();
  operator.call("operator.2", 1000);
  operator.calls.cancel("operator.2");
  operator.calls.postWaiting("?/arm\0");
  assert.deepEqual(operator.posted, []);
});

for (const [wayMs, served] of [
  [399, [{ service: "/arm", timeoutMs: 1 }]],
  [400, []],
] as const) {
  test(`with 400 ms left, a confirmation that took ${wayMs} ms lets ${served.length} calls take effect`, async () => {
    const { operator, robot, pass } = pair();
    operator.call("operator.1", 1000);
    pass(600);
    await deliver(operator, robot);
    await deliver(robot, operator);
    pass(wayMs);
    await deliver(operator, robot);
    assert.deepEqual(robot.served, served);
  });
}

test("a confirmation that comes twice, or that nobody asked for, takes no effect", async () => {
  const { operator, robot } = pair();
  operator.call("operator.1", 1000);
  await deliver(operator, robot);
  await deliver(robot, operator);
  const { header } = operator.posted[0]!;
  await deliver(operator, robot);
  robot.calls.take(header);
  robot.calls.take({ ...(header as CallHeader & { kind: "confirm" }), call: "operator.2" });
  await setImmediate();
  assert.equal(robot.served.length, 1);
});

test("a call waits until a peer serves it, and is posted once however many do", () => {
  const { operator } = pair();
  operator.wanted.clear();
  operator.call("operator.1", 1000);
  assert.equal(operator.posted.length, 0);
  for (let peer = 0; peer < 2; peer++) operator.calls.postWaiting("?/arm\0");
  assert.deepEqual(
    operator.posted.map(({ header }) => header.kind),
    ["request"],
  );
});
