import { ImagePath } from "../../../cameras/image-path.ts";
import { SENSOR_QOS } from "../../../core/node.ts";
import { processorSeconds } from "../../../core/processor-time.ts";
import { Samples } from "../../../math/samples.ts";
import { borrowRawImage } from "../../../messages/index.ts";
import { openRosContext } from "../../../ros/index.ts";

/**
 * Entry of a process that does to images what its twins in `latentloop_peers` do: subscribe, reduce to means of 8 × 8 blocks,
 * note how long that took since the stamp, print the result. argv: expected number of images, then ROS arguments.
 */
const BLOCK = 8;
/** No image for so long: the publisher has ended. */
const SILENCE_MS = 2000;

const expected = Number(process.argv[2]);
const { context, close } = await openRosContext("image_reducer_js");
const latencies = new Samples();
let path: ImagePath | undefined;
let out = new Uint8Array(0);
let received = 0;
let lastMs = Number.POSITIVE_INFINITY;
let firstRss = 0;
let firstCpuS = processorSeconds();
let firstMs = 0;

context.subscribe(
  "image_raw",
  "sensor_msgs/msg/Image",
  (message) => {
    const image = borrowRawImage(message);
    if (received === 0) firstCpuS = processorSeconds();
    if (path === undefined) {
      const { encoding, width, height } = image;
      const output = { width: width / BLOCK, height: height / BLOCK };
      path = new ImagePath({ camera: "bench", source: { encoding, width, height }, output });
      out = new Uint8Array(path.outputBytes);
    }
    path.convertInto(image, out);
    const latencyMs = Number(context.clock.rosNs() - image.stampNs) / 1e6;
    latencies.add(latencyMs);
    if (received === 0) firstMs = latencyMs;
    received++;
    lastMs = performance.now();
    if (received === Math.ceil(expected / 4)) firstRss = process.memoryUsage.rss(); // warm by now
  },
  SENSOR_QOS,
);

await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    if (received < expected && performance.now() - lastMs < SILENCE_MS) return;
    clearInterval(timer);
    resolve();
  }, 50);
});
const cpuS = processorSeconds() - firstCpuS;
const grownMb = (process.memoryUsage.rss() - firstRss) / 1e6;
const result = {
  received,
  p50_ms: latencies.percentile(0.5),
  p99_ms: latencies.percentile(0.99),
  first_ms: firstMs,
  cpu_s: cpuS,
  rss_growth_mb: grownMb,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
close();
process.exit(0);
