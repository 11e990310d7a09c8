import { MessageChannel } from "node:worker_threads";
import { systemClock } from "../../../../src/core/clock.ts";
import type { Logger } from "../../../../src/core/node.ts";
import { createRecorder, recorderParameters } from "../../../../src/nodes/recorder.ts";
import { EmbeddedContext, Hub, ThreadBus } from "../../../../src/transport/index.ts";

/** Records numbers until it is killed, and prints each as it goes. */
const clock = systemClock();
const log: Logger = { debug() {}, info() {}, warn() {}, error: (message) => void process.stderr.write(`${message}\n`) };
const { port1, port2 } = new MessageChannel();
new Hub().connect(port1);
const bus = new ThreadBus(port2, "test");
const context = (node: string) => new EmbeddedContext({ node, namespace: "", remap: {}, bus, clock, log });

const talker = context("talker").publisher("count", "std_msgs/msg/Float32");
const parameters = {
  folder: process.argv[2],
  topics: [{ name: "count", type: "std_msgs/msg/Float32" }],
  minFreeMegabytes: 0,
};
const recorder = createRecorder(context("recorder"), recorderParameters.parse(parameters));
await recorder.configure();
await bus.sync();
await recorder.activate();
let number = 0;
setInterval(() => {
  talker.publish({ data: number });
  process.stdout.write(`${number++}\n`);
}, 2);
