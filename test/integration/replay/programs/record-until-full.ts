import { MessageChannel } from "node:worker_threads";
import { systemClock } from "../../../../src/core/clock.ts";
import { LATCHED_QOS, type Logger } from "../../../../src/core/node.ts";
import { createRecorder, recorderParameters } from "../../../../src/nodes/recorder.ts";
import { EmbeddedContext, Hub, ThreadBus } from "../../../../src/transport/index.ts";

/**
 * Publishes numbers from a loop with a recorder beside it, and goes on so many times after the recorder has said that it
 * records no more; then prints, as JSON, what the loop and the recorder said.
 */
const TICKS_AFTER = 50;
const clock = systemClock();
const errors: string[] = [];
const log: Logger = { debug() {}, info() {}, warn() {}, error: (message) => void errors.push(message) };
const { port1, port2 } = new MessageChannel();
new Hub().connect(port1);
const bus = new ThreadBus(port2, "test");
const context = (node: string) => new EmbeddedContext({ node, namespace: "", remap: {}, bus, clock, log });

const loop = context("loop");
const talker = loop.publisher("count", "std_msgs/msg/String");
const states: boolean[] = [];
loop.subscribe("recorder/recording", "std_msgs/msg/Bool", ({ data }) => void states.push(data), LATCHED_QOS);
const parameters = {
  folder: process.argv[2],
  topics: [{ name: "count", type: "std_msgs/msg/String" }],
  minFreeMegabytes: 0,
};
const recorder = createRecorder(context("recorder"), recorderParameters.parse(parameters));
await recorder.configure();
await bus.sync();
await recorder.activate();
let ticks = 0;
let after = 0;
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    talker.publish({ data: String(ticks++).padEnd(300) });
    if (states.at(-1) === false && states.includes(true) && ++after === TICKS_AFTER) {
      clearInterval(timer);
      resolve();
    }
  }, 1);
});
const ended = await recorder.deactivate().then(
  () => undefined,
  ({ code, message }) => ({ code, message }),
);
process.stdout.write(`${JSON.stringify({ ticks, states, errors, ended })}\n`);
process.exit(0);
