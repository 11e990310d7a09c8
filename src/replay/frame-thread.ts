import { parentPort, workerData } from "node:worker_threads";
import { ImagePath } from "../cameras/index.ts";
import type { RawImage } from "../core/camera.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { readBagImage } from "./bag-image.ts";
import type { ImagePlace } from "./episode-table.ts";
import type { DecodeAnswer, DecodeJob, DecodeRequest, FrameSize } from "./frame-source.ts";
import { McapFileReader } from "./mcap-file-reader.ts";
import { messageAt } from "./mcap-records.ts";

const memory = workerData as SharedArrayBuffer;
const files = new Map<string, Promise<McapFileReader>>();
const paths = new Map<string, ImagePath>();
let lastChunk: { readonly key: string; readonly records: Promise<Uint8Array> } | undefined;

// One request after another: in between they would drive each other's chunk out of memory.
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
  const image = await readBagImage(place.topic, place.type, await readMessage(place));
  const path = imagePath(size, image);
  path.convertInto(image, new Uint8Array(memory, target, path.outputBytes));
}

/** Neighbouring frames lie in one chunk: the last one stays at hand. */
async function readMessage({ path, chunk, offset }: ImagePlace): Promise<Uint8Array> {
  const key = `${path} ${chunk.offset}`;
  if (lastChunk?.key !== key) lastChunk = { key, records: readChunk(path, chunk) };
  return messageAt(await lastChunk.records, offset);
}

async function readChunk(path: string, chunk: ImagePlace["chunk"]): Promise<Uint8Array> {
  let file = files.get(path);
  if (file === undefined) files.set(path, (file = McapFileReader.open(path)));
  return (await file).readChunk(chunk);
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
