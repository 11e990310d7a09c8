import { startLoneRecorder } from "../../../../src/cli/bench/replay/lone-recorder.ts";

/** Records numbers until it is killed, and prints each as it goes. */
const topic = { name: "count", type: "std_msgs/msg/Float32" } as const;
const { publisher } = await startLoneRecorder(process.argv[2]!, topic);
let number = 0;
setInterval(() => {
  publisher.publish({ data: number });
  process.stdout.write(`${number++}\n`);
}, 2);
