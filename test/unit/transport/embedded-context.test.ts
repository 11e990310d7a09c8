import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { systemClock } from "../../../src/core/clock.ts";
import { LATCHED_QOS, type Logger, type NodeContext, type Qos } from "../../../src/core/node.ts";
import { makeHeader, type RosMessages, serializeMessage } from "../../../src/messages/index.ts";
import { EmbeddedContext, Hub, ThreadBus } from "../../../src/transport/index.ts";

const clock = systemClock();

interface Rig {
  readonly errors: string[];
  node(name: string, options?: { namespace?: string; remap?: Record<string, string> }): EmbeddedContext;
  /** Settles when the hub has seen all that every node asked for. */
  settled(): Promise<void>;
}

/** Nodes that share a hub as threads do, all in this thread. */
function rig(t: TestContext): Rig {
  const hub = new Hub();
  const errors: string[] = [];
  const log: Logger = { debug() {}, info() {}, warn() {}, error: (message) => void errors.push(message) };
  const parts: { bus: ThreadBus; context: EmbeddedContext }[] = [];
  t.after(() => {
    for (const { bus, context } of parts) {
      context.close();
      bus.close();
    }
  });
  return {
    errors,
    node(name, { namespace = "", remap = {} } = {}) {
      const { port1, port2 } = new MessageChannel();
      hub.connect(port1);
      const bus = new ThreadBus(port2, `test.${parts.length}`);
      const context = new EmbeddedContext({ node: name, namespace, remap, bus, clock, log });
      parts.push({ bus, context });
      return context;
    },
    async settled() {
      for (const { bus } of parts) await bus.sync();
      for (const { bus } of parts) await bus.sync(); // offers that the first round caused
    },
  };
}

/** The next `count` texts of a topic. */
function texts(node: NodeContext<RosMessages>, topic: string, count: number, qos?: Qos): Promise<string[]> {
  const received: string[] = [];
  return new Promise((resolve) => {
    node.subscribe(
      topic,
      "std_msgs/msg/String",
      ({ data }) => {
        if (received.length < count && received.push(data) === count) resolve(received);
      },
      qos,
    );
  });
}

test("messages reach every subscriber in order, serialized or not, with their stamps", async (t) => {
  const { node, settled } = rig(t);
  const [talker, listener] = [node("talker"), node("listener")];
  const heard = texts(listener, "chatter", 3);
  const infos: bigint[] = [];
  const raw = new Promise<Buffer>((resolve) => {
    talker.subscribeSerialized("chatter", "std_msgs/msg/String", (cdr, { sourceStampNs, receivedStampNs }) => {
      infos.push(sourceStampNs, receivedStampNs);
      resolve(Buffer.from(cdr));
    });
  });
  const publisher = talker.publisher("chatter", "std_msgs/msg/String");
  await settled();
  const before = clock.rosNs();
  for (const data of ["один", "zwei"]) publisher.publish({ data });
  publisher.publishSerialized(serializeMessage("std_msgs/msg/String", { data: "trois" }));
  assert.deepEqual(await heard, ["один", "zwei", "trois"]);
  assert.deepEqual(await raw, Buffer.from(serializeMessage("std_msgs/msg/String", { data: "один" })));
  assert.ok(before <= infos[0]! && infos[0]! <= infos[1]!, "published before received");
});

test("a latched message waits for subscribers that come later, a volatile one does not", async (t) => {
  const { node, settled } = rig(t);
  const talker = node("talker");
  const [latched, volatile] = [
    talker.publisher("status", "std_msgs/msg/String", LATCHED_QOS),
    talker.publisher("news", "std_msgs/msg/String"),
  ];
  for (const data of ["old", "new"]) {
    latched.publish({ data });
    volatile.publish({ data });
  }
  await settled();
  const late = node("late");
  const heard = texts(late, "status", 1, LATCHED_QOS);
  const news = texts(late, "news", 1);
  await settled();
  assert.deepEqual(await heard, ["new"]);
  volatile.publish({ data: "now" });
  assert.deepEqual(await news, ["now"]);
});

test("a message that outgrows its ring comes through, in order", async (t) => {
  const { node, settled } = rig(t);
  const talker = node("talker");
  const heard = texts(node("listener"), "chatter", 4);
  const publisher = talker.publisher("chatter", "std_msgs/msg/String");
  await settled();
  const lengths = [1, 10, 10_000, 1_000_000];
  for (const length of lengths) publisher.publish({ data: "x".repeat(length) });
  assert.deepEqual(
    (await heard).map((data) => data.length),
    lengths,
  );
});

test("a subscriber keeps its queue length and counts what it missed; the publisher sees it", async (t) => {
  const { node, settled } = rig(t);
  const talker = node("talker");
  const heard: number[] = [];
  const listener = node("listener");
  const subscription = listener.subscribe("count", "std_msgs/msg/Float32", ({ data }) => void heard.push(data), {
    reliability: "best_effort",
    durability: "volatile",
    depth: 2,
  });
  const done = texts(listener, "done", 1);
  const publisher = talker.publisher("count", "std_msgs/msg/Float32");
  const doneTalker = talker.publisher("done", "std_msgs/msg/String");
  await settled();
  publisher.publish({ data: 0 });
  doneTalker.publish({ data: "ring made" });
  await done;
  for (let data = 1; data <= 10; data++) publisher.publish({ data });
  const again = texts(listener, "done", 1);
  doneTalker.publish({ data: "all sent" });
  await again;
  await settled();
  assert.deepEqual(heard, [0, 9, 10]);
  assert.equal(subscription.dropped, 8);
  assert.equal(publisher.dropped, 8);
});

test("namespace, private names and remapping give the graph's names", async (t) => {
  const { node, settled } = rig(t);
  const left = node("control", { namespace: "/left", remap: { cmd: "/arm/commands", "~/state": "state" } });
  const outside = node("outside");
  const [plain, remapped, privately] = [
    texts(outside, "/left/news", 1),
    texts(outside, "/arm/commands", 1),
    texts(outside, "/left/state", 1),
  ];
  await settled();
  for (const topic of ["news", "cmd", "~/state"]) {
    left.publisher(topic, "std_msgs/msg/String").publish({ data: topic });
  }
  assert.deepEqual([await plain, await remapped, await privately], [["news"], ["cmd"], ["~/state"]]);
  assert.throws(() => left.publisher("no spaces", "std_msgs/msg/String"), { message: /'no spaces'/ });
});

test("a topic with two types is refused, both types named", async (t) => {
  const { node, settled } = rig(t);
  node("a").publisher("arm", "std_msgs/msg/Bool");
  node("b").subscribe("arm", "std_msgs/msg/Float32", () => assert.fail("nothing may come"));
  await assert.rejects(settled(), {
    code: "ERR_MESSAGE_TYPE",
    message: /std_msgs\/msg\/Bool.*'\/arm'.*std_msgs\/msg\/Float32/,
  });
});

test("services answer over threads; a throwing handler is an unsuccessful answer; nobody there is an error in time", async (t) => {
  const { node, settled } = rig(t);
  const [server, client] = [node("control"), node("client")];
  server.serve("~/arm", async () => ({ success: true, message: "armed" }));
  server.serve("~/fail", () => {
    throw new Error("no robot");
  });
  await settled();
  assert.deepEqual(await client.call("/control/arm", 5000), { success: true, message: "armed" });
  assert.deepEqual(await client.call("control/fail", 5000), { success: false, message: "no robot" });
  await assert.rejects(client.call("nobody", 1), {
    code: "ERR_SERVICE_UNAVAILABLE",
    message: /'\/nobody' within 1 ms/,
  });
});

test("a throwing callback is reported once, counted always, and the next message still comes", async (t) => {
  const { node, errors, settled } = rig(t);
  const talker = node("talker");
  const listener = node("listener");
  listener.subscribe("chatter", "std_msgs/msg/String", () => {
    throw new Error("cannot bear it");
  });
  const heard = texts(listener, "chatter", 2);
  const publisher = talker.publisher("chatter", "std_msgs/msg/String");
  await settled();
  for (const data of ["a", "b"]) publisher.publish({ data });
  assert.deepEqual(await heard, ["a", "b"]);
  assert.deepEqual(errors, ["Node 'listener' threw on a message on 'chatter': cannot bear it"]);
});

test("each node reports its tasks and its drops on /diagnostics once a second", async (t) => {
  const { node, settled } = rig(t);
  const control = node("control");
  control.diagnose("loop", () => ({ level: "warn", message: "late", values: { missed: 3 } }));
  control.diagnose("broken", () => {
    throw new Error("division by zero");
  });
  const listener = node("listener");
  const statuses = await new Promise<RosMessages["diagnostic_msgs/msg/DiagnosticArray"]["status"]>((resolve) => {
    listener.subscribe("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", ({ status }) => {
      if (status[0]?.name.startsWith("control")) resolve(status);
    });
    void settled();
  });
  assert.deepEqual(
    statuses.map(({ level, name, message }) => [level, name, message]),
    [
      [0, "control: transport", "running"],
      [1, "control: loop", "late"],
      [2, "control: broken", "its report threw: division by zero"],
    ],
  );
  assert.deepEqual(statuses[1]?.values, [{ key: "missed", value: "3" }]);
});

test("what a thread latched is gone when the thread is", async () => {
  const hub = new Hub();
  const make = (id: string) => {
    const { port1, port2 } = new MessageChannel();
    hub.connect(port1);
    return { hubPort: port1, bus: new ThreadBus(port2, id) };
  };
  const [dying, late] = [make("dying"), make("late")];
  const publication = dying.bus.publish("/status", "std_msgs/msg/Header", LATCHED_QOS);
  publication.publish(serializeMessage("std_msgs/msg/Header", makeHeader(1n)), 1n);
  await dying.bus.sync();
  hub.disconnect(dying.hubPort);
  late.bus.subscribe("/status", "std_msgs/msg/Header", LATCHED_QOS, () => assert.fail("a ghost spoke"));
  await late.bus.sync();
  await late.bus.sync();
  late.bus.close();
  await once(late.hubPort, "close");
});

test("a node that subscribes a topic twice gets every message once at each of the two", async (t) => {
  const { node, settled } = rig(t);
  const [talker, listener] = [node("talker"), node("listener")];
  const chatter = talker.publisher("chatter", "std_msgs/msg/String");
  const first: string[] = [];
  listener.subscribe("chatter", "std_msgs/msg/String", ({ data }) => first.push(data));
  await settled();
  chatter.publish({ data: "makes the ring" });
  await settled();
  const second = texts(listener, "chatter", 2);
  await settled();
  chatter.publish({ data: "one" });
  chatter.publish({ data: "two" });
  assert.deepEqual(await second, ["one", "two"]);
  await settled();
  assert.deepEqual(first, ["makes the ring", "one", "two"]);
});
