import { parentPort, workerData } from "node:worker_threads";
import { ImagePath } from "../cameras/index.ts";
import type { RawImage } from "../core/camera.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { readBagImage } from "./bag-image.ts";
import type { DecodeAnswer, DecodeJob, DecodeRequest, FrameSize } from "./frame-source.ts";
import { PlaceReader } from "./place-reader.ts";

const memory = workerData as SharedArrayBuffer;
const places = new PlaceReader();
const paths = new Map<string, ImagePath>();

// One request after another: a place reader does one thing at a time.
let done = Promise.resolve();
parentPort!.on("message", (request: DecodeRequest) => {
  done = done.then(() => answer(request));
});

async function answer({ id, jobs }: DecodeRequest): Promise<void> {
  let result: DecodeAnswer = { id };
  try {
    for (const job of jobs) await decode(job);
  } catch (error) {
    const code = error instanceof LatentloopError ? error.code : "ERR_INTERNAL";
    result = { id, error: { code, message: messageOf(error) } };
  }
  parentPort!.postMessage(result);
}

async function decode({ size, place, target }: DecodeJob): Promise<void> {
  const image = await readBagImage(place.topic, place.type, await places.read(place));
  const path = imagePath(size, image);
  path.convertInto(image, new Uint8Array(memory, target, path.outputBytes));
}

/** The one image path, made once for each camera and size of its images. */
function imagePath(output: FrameSize, { encoding, width, height }: RawImage): ImagePath {
  const key = `${output.camera} ${encoding} ${width} ${height} ${output.width} ${output.height}`;
  let path = paths.get(key);
  if (path === undefined) {
    const { camera, crop, calibration, colorOrder } = output;
    path = new ImagePath({
      camera,
      source: { encoding, width, height },
      output,
      ...(crop && { crop }),
      ...(calibration && { calibration }),
      ...(colorOrder && { colorOrder }),
    });
    paths.set(key, path);
  }
  return path;
}
