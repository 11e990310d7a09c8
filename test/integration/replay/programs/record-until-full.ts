import { startLoneRecorder } from "../../../../src/cli/bench/replay/lone-recorder.ts";
import { LATCHED_QOS } from "../../../../src/core/node.ts";

/**
 * Publishes numbers from a loop with a recorder beside it, and goes on so many times after the recorder has said that it
 * records no more; then prints, as JSON, what the loop and the recorder said.
 */
const TICKS_AFTER = 50;
const errors: string[] = [];
const topic = { name: "count", type: "std_msgs/msg/String" } as const;
const { publisher, context, recorder } = await startLoneRecorder(process.argv[2]!, topic, (message) => {
  errors.push(message);
});
const states: boolean[] = [];
context.subscribe("recorder/recording", "std_msgs/msg/Bool", ({ data }) => void states.push(data), LATCHED_QOS);
let ticks = 0;
let after = 0;
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    publisher.publish({ data: String(ticks++).padEnd(300) });
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
