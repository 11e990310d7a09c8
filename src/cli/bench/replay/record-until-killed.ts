import { kindOfStep, makeEpisodeEvent } from "../../../messages/index.ts";
import { startLoneRecorder } from "./lone-recorder.ts";

/** Records episodes of 25 events, one every 4 ms, until it is killed; prints the number and time (ms) of each event. */
const STEPS = 25;
const PERIOD_MS = 4;

const topic = { name: "episode", type: "latentloop_msgs/msg/EpisodeEvent" } as const;
const { publisher, context } = await startLoneRecorder(process.argv[2]!, topic);
let count = 0;
setInterval(() => {
  const step = count % STEPS;
  const place = { episode: Math.floor(count / STEPS), step };
  publisher.publish(makeEpisodeEvent(kindOfStep(step, STEPS - 1), context.clock.rosNs(), place));
  process.stdout.write(`${count++} ${performance.now()}\n`);
}, PERIOD_MS);
