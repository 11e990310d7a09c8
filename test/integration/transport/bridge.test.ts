import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { systemClock } from "../../../src/core/clock.ts";
import { DEFAULT_QOS, LATCHED_QOS, type Logger, type Qos } from "../../../src/core/node.ts";
import { serializeMessage } from "../../../src/messages/index.ts";
import {
  Bridge,
  EmbeddedContext,
  FRAME_VERSION,
  FramePuller,
  FramePusher,
  Hub,
  peerAddress,
  ThreadBus,
} from "../../../src/transport/index.ts";

const clock = systemClock();

/** A process's share in the graph: a hub, its bridge and one node. Three of them in this process stand for three. */
async function site(t: TestContext, id: string, family?: string) {
  const hub = new Hub();
  const errors: string[] = [];
  const log: Logger = { debug() {}, info() {}, warn() {}, error: (message) => void errors.push(message) };
  const bridge = await Bridge.open(hub, { id, bind: peerAddress("tcp://127.0.0.1:0"), log, ...(family && { family }) });
  const { port1, port2 } = new MessageChannel();
  hub.connect(port1);
  const bus = new ThreadBus(port2, `${id}.0`);
  const node = new EmbeddedContext({ node: id, namespace: "", remap: {}, bus, clock, log });
  t.after(async () => {
    node.close();
    bus.close();
    await bridge.close();
  });
  return { bridge, bus, node, errors };
}

async function joinedSites(t: TestContext, ...ids: string[]) {
  const sites = await Promise.all(ids.map((id) => site(t, id)));
  for (const { bridge } of sites) {
    for (const peer of sites) if (peer.bridge !== bridge) bridge.connect(peer.bridge.address);
  }
  return sites;
}

type Site = Awaited<ReturnType<typeof site>>;

/** What a busy machine may deliver all at once is not lost. */
const DEEP = { ...DEFAULT_QOS, depth: 500 };

/** The next `count` texts of a topic. */
function texts(from: Site, topic: string, count: number, qos: Qos = DEEP): Promise<string[]> {
  const received: string[] = [];
  return new Promise((resolve) => {
    from.node.subscribe(
      topic,
      "std_msgs/msg/String",
      ({ data }) => received.length < count && received.push(data) === count && resolve(received),
      qos,
    );
  });
}

/** Publishes until it is heard: over ZeroMQ a subscription takes its time. */
async function untilHeard<T>(say: () => void, heard: Promise<T>): Promise<T> {
  const timer = setInterval(say, 5);
  return heard.finally(() => clearInterval(timer));
}

test("messages go to the processes that subscribed, once, and not back", { timeout: 240_000 }, async (t) => {
  const [a, b, c] = await joinedSites(t, "a", "b", "c");
  const publisher = a!.node.publisher("chatter", "std_msgs/msg/String");
  let echoes = 0;
  a!.node.subscribe("chatter", "std_msgs/msg/String", () => echoes++);
  let number = 0;
  const say = () => publisher.publish({ data: `${number++}` });
  const [first, second] = await untilHeard(say, Promise.all([texts(b!, "chatter", 20), texts(c!, "chatter", 20)]));
  for (const heard of [first!, second!]) {
    const start = Number(heard[0]);
    assert.deepEqual(
      heard,
      Array.from({ length: 20 }, (_, i) => `${start + i}`),
      "in order, none twice",
    );
  }
  assert.ok(echoes <= number, "nothing comes back from b or c");
  assert.deepEqual(b!.bridge.losses, { dropped: 0, missed: 0, refused: 0, strangers: 0 });
});

test("a latched message reaches processes that come later, each once", { timeout: 240_000 }, async (t) => {
  const [a, b] = await joinedSites(t, "a", "b");
  a!.node.publisher("status", "std_msgs/msg/String", LATCHED_QOS).publish({ data: "ready" });
  const heardByB: string[] = [];
  await new Promise<void>((resolve) => {
    b!.node.subscribe(
      "status",
      "std_msgs/msg/String",
      ({ data }) => {
        heardByB.push(data);
        resolve();
      },
      LATCHED_QOS,
    );
  });
  const c = await site(t, "c");
  c.bridge.connect(a!.bridge.address);
  assert.deepEqual(await texts(c, "status", 1, LATCHED_QOS), ["ready"]);
  assert.deepEqual(await texts(b!, "status", 1, LATCHED_QOS), ["ready"], "a second subscriber of b");
  assert.deepEqual(heardByB, ["ready"], "what a sent again for c is not new to b");
});

test("a burst of latched messages arrives whole", { timeout: 240_000 }, async (t) => {
  const [a, b] = await joinedSites(t, "a", "b");
  const qos = { ...LATCHED_QOS, depth: 300 };
  const heard = texts(b!, "burst", 300, qos);
  const publisher = a!.node.publisher("burst", "std_msgs/msg/String", qos);
  for (let i = 0; i < 300; i++) publisher.publish({ data: `${i}` });
  assert.deepEqual(
    await heard,
    Array.from({ length: 300 }, (_, i) => `${i}`),
  );
});

test("large images cross unharmed", { timeout: 240_000 }, async (t) => {
  const [a, b] = await joinedSites(t, "a", "b");
  const publisher = a!.node.publisher("image", "sensor_msgs/msg/Image");
  const image = {
    header: { stamp: { sec: 1, nanosec: 2 }, frame_id: "camera" },
    height: 480,
    width: 640,
    encoding: "rgb8",
    is_bigendian: 0,
    step: 1920,
    data: new Uint8Array(921_600),
  };
  const expected = new Map<number, Buffer>();
  let number = 0;
  const say = () => {
    image.header.stamp.sec = ++number;
    image.data.fill(number); // the same buffer is changed while earlier frames may still be on their way
    expected.set(number, Buffer.from(serializeMessage("sensor_msgs/msg/Image", image)));
    publisher.publish(image);
  };
  let checked = 0;
  await untilHeard(
    say,
    new Promise<void>((resolve) => {
      b!.node.subscribe("image", "sensor_msgs/msg/Image", (message) => {
        assert.deepEqual(
          Buffer.from(serializeMessage("sensor_msgs/msg/Image", message)),
          expected.get(message.header.stamp.sec),
        );
        if (++checked === 10) resolve();
      });
    }),
  );
  assert.deepEqual(b!.errors, []);
});

test("services answer across processes, also when they are called before the peer is known", {
  timeout: 240_000,
}, async (t) => {
  const [a, b] = await joinedSites(t, "a", "b");
  a!.node.serve("~/arm", () => ({ success: true, message: "armed" }));
  assert.deepEqual(await b!.node.call("/a/arm", 120_000), { success: true, message: "armed" });
  await assert.rejects(b!.node.call("/a/disarm", 20), { code: "ERR_SERVICE_UNAVAILABLE", message: /\/a\/disarm/ });
});

test("whoever is joined to a launch's main process alone hears the answers of all its processes, each once", {
  timeout: 240_000,
}, async (t) => {
  const [robot, control] = [await site(t, "robot_main", "robot_"), await site(t, "robot_control")];
  const [operator, other] = [await site(t, "operator"), await site(t, "other_main", "other_")];
  for (const [from, to] of [
    [robot, control],
    [control, robot],
    [operator, robot],
    [robot, operator],
    [control, operator],
    [robot, other], // two launches that hear each other pass nothing to and fro
    [other, robot],
  ] as const) {
    from.bridge.connect(to.bridge.address);
  }
  let calls = 0;
  control.node.serve("~/arm", () => ({ success: true, message: `armed ${++calls}` }));
  for (const message of ["armed 1", "armed 2"]) {
    assert.deepEqual(await operator.node.call("/robot_control/arm", 120_000), { success: true, message });
  }
  assert.deepEqual(await robot.node.call("/robot_control/arm", 120_000), { success: true, message: "armed 3" });
});

test("a call is served once its caller hears what is asked back", { timeout: 240_000 }, async (t) => {
  const [robot, operator] = [await site(t, "robot"), await site(t, "operator")];
  robot.bridge.connect(operator.bridge.address);
  let served = 0;
  robot.node.serve("~/arm", () => ({ success: true, message: `${++served}` }));
  const answer = operator.node.call("/robot/arm", 120_000);
  await sleep(200); // the request reaches the robot, which the operator does not hear yet
  assert.equal(served, 0);
  operator.bridge.connect(robot.bridge.address);
  assert.deepEqual(await answer, { success: true, message: "1" });
});

test("a call whose caller gave up never takes effect later", { timeout: 240_000 }, async (t) => {
  const [a, b] = await joinedSites(t, "a", "b");
  await assert.rejects(b!.node.call("/a/arm", 1), { code: "ERR_SERVICE_UNAVAILABLE" });
  let armed = 0;
  a!.node.serve("~/arm", () => ({ success: true, message: `${++armed}` }));
  assert.deepEqual(await b!.node.call("/a/arm", 120_000), { success: true, message: "1" });
});

test("a topic that a peer publishes with another type is refused with both types", { timeout: 240_000 }, async (t) => {
  const [a, b] = await joinedSites(t, "a", "b");
  b!.node.subscribe("arm", "std_msgs/msg/Bool", () => assert.fail("a text is no bool"));
  const publisher = a!.node.publisher("arm", "std_msgs/msg/String");
  const ready = texts(b!, "ready", 1);
  const readyPublisher = a!.node.publisher("ready", "std_msgs/msg/String");
  const refused = async () => {
    while (b!.bridge.losses.refused === 0) await ready;
  };
  await untilHeard(() => {
    publisher.publish({ data: "please" });
    if (b!.bridge.losses.refused > 0) readyPublisher.publish({ data: "done" });
  }, ready.then(refused));
  assert.match(b!.errors[0] ?? "", /std_msgs\/msg\/Bool on topic '\/arm'.*std_msgs\/msg\/String/);
  assert.equal(b!.errors.length, 1, "said once, however often it comes");
});

test("a process that floods loses its own messages; plans of another still arrive, each one, in order", {
  timeout: 240_000,
}, async (t) => {
  const [robot, model] = await joinedSites(t, "robot", "model");
  const program = fileURLToPath(new URL("./programs/flood.js", import.meta.url));
  const flood = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => flood.kill("SIGKILL"));
  const [line] = (await once(createInterface({ input: flood.stdout }), "line")) as [string];
  let noise = 0;
  robot!.node.subscribe("noise", "std_msgs/msg/String", () => noise++);
  robot!.bridge.connect(JSON.parse(line));
  while (robot!.bridge.losses.missed === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const heard = texts(robot!, "plans", 60);
  const publisher = model!.node.publisher("plans", "std_msgs/msg/String");
  let number = 0;
  const [first = "", ...rest] = await untilHeard(() => publisher.publish({ data: `${number++}` }), heard);
  assert.deepEqual(
    rest,
    rest.map((_, i) => `${Number(first) + 1 + i}`),
  );
  assert.ok(noise > 0 && robot!.bridge.losses.missed > 0, `${noise} heard, ${robot!.bridge.losses.missed} missed`);
  assert.ok(process.memoryUsage.rss() < 1e9, "what nobody can take is not kept");
});

test("a pipe loses nothing: a sender waits while the receiver is slow", { timeout: 240_000 }, async (t) => {
  const [pusher, puller] = [new FramePusher(), new FramePuller()];
  t.after(() => {
    pusher.close();
    puller.close();
  });
  pusher.connect(await puller.bind("tcp://127.0.0.1:0"));
  const count = 300;
  let sent = 0;
  const sending = (async () => {
    for (let sequence = 0; sequence < count; sequence++) {
      const header = {
        v: FRAME_VERSION,
        kind: "message",
        topic: "/replay",
        type: "sensor_msgs/msg/Image",
        publisher: "a",
      } as const;
      await pusher.send(
        { ...header, sequence, stamp: BigInt(sequence), history: 0 },
        new Uint8Array(200_000).fill(sequence),
      );
      sent++;
    }
  })();
  const received: number[] = [];
  let aheadAtFirst = 0;
  for await (const { header, payload } of puller) {
    if (received.length === 0) {
      // Nothing is taken during these turns of the event loop: the sender comes to a stop by itself.
      let before = -1;
      while (before !== sent) {
        before = sent;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      aheadAtFirst = sent;
    }
    assert.equal(payload[0], header.sequence % 256);
    if (received.push(header.sequence) === count) break;
  }
  await sending;
  assert.deepEqual(
    received,
    Array.from({ length: count }, (_, i) => i),
  );
  assert.ok(aheadAtFirst < count, `the sender was ${aheadAtFirst} of ${count} frames ahead`);
});
