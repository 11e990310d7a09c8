import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import * as zmq from "zeromq";
import { systemClock } from "../../../src/core/clock.ts";
import type { Logger } from "../../../src/core/node.ts";
import {
  Bridge,
  EmbeddedContext,
  type HostKeys,
  Hub,
  makeHostKeys,
  peerAddress,
  ThreadBus,
} from "../../../src/transport/index.ts";

const LOCAL = peerAddress("tcp://127.0.0.1:0");
const GUARD = { timeout: 240_000 };
const [ROBOT, GPU] = makeHostKeys(["robot", "gpu"]) as [HostKeys, HostKeys];
/** Another deployment's: made in another go. */
const [STRANGER] = makeHostKeys(["stranger"]) as [HostKeys];

/** A process of one host: a hub, its bridge with the host's keys, one node. */
async function site(t: TestContext, id: string, keys: HostKeys | undefined) {
  const hub = new Hub();
  const warnings: string[] = [];
  const log: Logger = { debug() {}, info() {}, warn: (message) => void warnings.push(message), error() {} };
  const bridge = await Bridge.open(hub, { id, bind: LOCAL, keys, log });
  const { port1, port2 } = new MessageChannel();
  hub.connect(port1);
  const bus = new ThreadBus(port2, `${id}.0`);
  const node = new EmbeddedContext({ node: id, namespace: "", remap: {}, bus, clock: systemClock(), log });
  t.after(async () => {
    node.close();
    bus.close();
    await bridge.close();
  });
  return { bridge, node, warnings };
}
type Site = Awaited<ReturnType<typeof site>>;

/** Publishes on one site until the other hears it. */
async function passes(from: Site, to: Site, topic: string): Promise<void> {
  const publisher = from.node.publisher(topic, "std_msgs/msg/String");
  const heard = new Promise<void>((resolve) => void to.node.subscribe(topic, "std_msgs/msg/String", () => resolve()));
  const timer = setInterval(() => publisher.publish({ data: "hello" }), 5);
  await heard.finally(() => clearInterval(timer));
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("hosts with each other's keys are joined: messages and services, both ways", GUARD, async (t) => {
  const [robot, gpu] = [await site(t, "robot", ROBOT), await site(t, "gpu", GPU)];
  robot.bridge.connect(gpu.bridge.address);
  gpu.bridge.connect(robot.bridge.address);
  assert.equal(gpu.bridge.address.serverKey, GPU.publicKey);
  await Promise.all([passes(robot, gpu, "images"), passes(gpu, robot, "plans")]);
  robot.node.serve("~/halt", () => ({ success: true, message: "halting" }));
  assert.deepEqual(await gpu.node.call("/robot/halt", 120_000), { success: true, message: "halting" });
  assert.equal(robot.bridge.losses.strangers, 0);
});

test("one process hears encrypted and plain peers at the same time", GUARD, async (t) => {
  const [robot, gpu, child] = [
    await site(t, "robot", ROBOT),
    await site(t, "gpu", GPU),
    await site(t, "child", undefined),
  ];
  robot.bridge.connect(gpu.bridge.address);
  robot.bridge.connect(child.bridge.address);
  await Promise.all([passes(gpu, robot, "plans"), passes(child, robot, "pictures")]);
});

/** Connects with a bare ZeroMQ socket, as somebody would who does not keep to our rules, and waits until it was refused. */
async function intrude(t: TestContext, robot: Site, keys: Partial<zmq.SocketOptions<zmq.Subscriber>>) {
  const socket = new zmq.Subscriber({ linger: 0, ...keys });
  t.after(() => socket.close());
  let heard = 0;
  socket.subscribe("");
  void (async () => {
    for await (const _ of socket) heard++;
  })().catch(() => {});
  socket.connect(robot.bridge.address.events);
  await until(() => robot.bridge.losses.strangers > 0);
  return () => heard;
}

const INTRUDERS = {
  "without keys": { keys: {}, reason: /one side uses keys and the other does not/ },
  "with a key of its own": {
    keys: {
      curvePublicKey: STRANGER.publicKey,
      curveSecretKey: STRANGER.secretKey,
      curveServerKey: ROBOT.publicKey,
    },
    reason: /its key is not one that is let in/,
  },
  "that takes us for another host": {
    keys: { curvePublicKey: GPU.publicKey, curveSecretKey: GPU.secretKey, curveServerKey: STRANGER.publicKey },
    reason: /expects another key/,
  },
} as const;

for (const [who, { keys, reason }] of Object.entries(INTRUDERS)) {
  test(`a peer ${who} hears nothing, is counted and said once; the others go on`, GUARD, async (t) => {
    const [robot, gpu] = [await site(t, "robot", ROBOT), await site(t, "gpu", GPU)];
    gpu.bridge.connect(robot.bridge.address);
    const heard = await intrude(t, robot, keys);
    await passes(robot, gpu, "plans");
    assert.equal(heard(), 0);
    assert.ok(robot.warnings.length >= 1 && robot.warnings.length < 4, robot.warnings.join("\n"));
    assert.match(robot.warnings[0]!, reason);
  });
}

test("a peer that poses as a publisher without the key is not listened to", GUARD, async (t) => {
  const gpu = await site(t, "gpu", GPU);
  const impostor = new zmq.XPublisher({ linger: 0 });
  t.after(() => impostor.close());
  await impostor.bind("tcp://127.0.0.1:0");
  const endpoint = impostor.lastEndpoint!;
  gpu.bridge.connect({ events: endpoint, frames: endpoint, serverKey: ROBOT.publicKey });
  await until(() => gpu.bridge.losses.strangers > 0);
  assert.match(gpu.warnings[0]!, /one side uses keys/);
});

test("other hosts are not joined without keys, in either direction, unless it is said", GUARD, async (t) => {
  const log: Logger = { debug() {}, info() {}, warn() {}, error() {} };
  const everywhere = peerAddress("tcp://0.0.0.0:0");
  await assert.rejects(Bridge.open(new Hub(), { id: "open", bind: everywhere, log }), { code: "ERR_PLAIN_TCP" });
  const robot = await site(t, "robot", ROBOT);
  assert.throws(() => robot.bridge.connect(peerAddress("tcp://192.0.2.7:7447")), { code: "ERR_PLAIN_TCP" });
  const trusting = await Bridge.open(new Hub(), { id: "trusting", bind: everywhere, plainTcp: true, log });
  await trusting.close();
});

test("a process that let nobody in any more can end", GUARD, async () => {
  const program = `
    import { Bridge, Hub, makeHostKeys, peerAddress } from ${JSON.stringify(new URL("../../../src/transport/index.js", import.meta.url).href)};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const [keys] = makeHostKeys(["robot"]);
    const bridge = await Bridge.open(new Hub(), { id: "a", bind: peerAddress("tcp://127.0.0.1:0"), keys, log });
    await bridge.close();
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit" });
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
});
