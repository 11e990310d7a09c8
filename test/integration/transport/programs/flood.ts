import { MessageChannel } from "node:worker_threads";
import { systemClock } from "../../../../src/core/clock.ts";
import { Bridge, EmbeddedContext, Hub, peerAddress, ThreadBus } from "../../../../src/transport/index.ts";

/** A process that publishes as fast as it can until it is killed; prints where it is found. */
const log = { debug() {}, info() {}, warn() {}, error() {} };
const hub = new Hub();
const bridge = await Bridge.open(hub, { id: "flood", bind: peerAddress("tcp://127.0.0.1:0"), log });
const { port1, port2 } = new MessageChannel();
hub.connect(port1);
const bus = new ThreadBus(port2, "flood.0");
const node = new EmbeddedContext({ node: "flood", namespace: "", remap: {}, bus, clock: systemClock(), log });
const noise = node.publisher("noise", "std_msgs/msg/String");
const text = "x".repeat(1000);
(function flood() {
  for (let i = 0; i < 200; i++) noise.publish({ data: text });
  setImmediate(flood);
})();
process.stdout.write(`${JSON.stringify(bridge.address)}\n`);
