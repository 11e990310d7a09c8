import { MessageChannel } from "node:worker_threads";
import { systemClock } from "../../../core/clock.ts";
import type { Logger } from "../../../core/node.ts";
import { kindOfStep, makeEpisodeEvent } from "../../../messages/index.ts";
import { createRecorder, recorderParameters } from "../../../nodes/recorder.ts";
import { EmbeddedContext, Hub, ThreadBus } from "../../../transport/index.ts";

/** Records episodes of 25 events, one every 4 ms, until it is killed; prints the number and time (ms) of each event. */
const STEPS = 25;
const PERIOD_MS = 4;

const clock = systemClock();
const log: Logger = { debug() {}, info() {}, warn() {}, error: (message) => void process.stderr.write(`${message}\n`) };
const { port1, port2 } = new MessageChannel();
new Hub().connect(port1);
const bus = new ThreadBus(port2, "bench");
const context = (node: string) => new EmbeddedContext({ node, namespace: "", remap: {}, bus, clock, log });

const events = context("robot").publisher("episode", "latentloop_msgs/msg/EpisodeEvent");
const parameters = {
  folder: process.argv[2],
  topics: [{ name: "episode", type: "latentloop_msgs/msg/EpisodeEvent" }],
  minFreeMegabytes: 0,
};
const recorder = createRecorder(context("recorder"), recorderParameters.parse(parameters));
await recorder.configure();
await bus.sync();
await recorder.activate();
let count = 0;
setInterval(() => {
  const step = count % STEPS;
  const place = { episode: Math.floor(count / STEPS), step };
  events.publish(makeEpisodeEvent(kindOfStep(step, STEPS - 1), clock.rosNs(), place));
  process.stdout.write(`${count++} ${performance.now()}\n`);
}, PERIOD_MS);
