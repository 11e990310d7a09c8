import { parentPort } from "node:worker_threads";
import { ImagePath } from "../../../cameras/index.ts";
import type { RawImage } from "../../../core/camera.ts";
import { createRing, RingWriter } from "../../../transport/index.ts";

/** A 640×480 camera at 30 Hz: makes each frame, turns it into the model's image and publishes both in shared memory. */
const WIDTH = 640;
const HEIGHT = 480;
const RATE_HZ = 30;

const path = new ImagePath({
  camera: "bench",
  source: { encoding: "rgb8", width: WIDTH, height: HEIGHT },
  output: { width: 224, height: 224 },
});
const rings = {
  raw: createRing({ depth: 4, maxMessageBytes: WIDTH * HEIGHT * 3 }),
  model: createRing({ depth: 4, maxMessageBytes: path.outputBytes }),
};
const raw = new RingWriter(rings.raw);
const model = new RingWriter(rings.model);
const data = new Uint8Array(WIDTH * HEIGHT * 3);
const out = new Uint8Array(path.outputBytes);
const image: RawImage = { encoding: "rgb8", width: WIDTH, height: HEIGHT, stride: 3 * WIDTH, data, stampNs: 0n };

parentPort!.postMessage(rings);
let frame = 0;
setInterval(() => {
  frame++;
  for (let i = 0; i < data.length; i++) data[i] = i + frame;
  path.convertInto(image, out);
  raw.write(data, 0n);
  model.write(out, 0n);
}, 1e3 / RATE_HZ);
