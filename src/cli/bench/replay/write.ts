import { open, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay, setImmediate as immediate } from "node:timers/promises";
import sharp from "sharp";
import { systemClock } from "../../../core/clock.ts";
import { SENSOR_QOS } from "../../../core/node.ts";
import { processorSeconds } from "../../../core/processor-time.ts";
import { Rng } from "../../../core/rng.ts";
import { median } from "../../../math/median.ts";
import { borrowSerialized, imageToMessage, makeHeader, serializeMessage } from "../../../messages/index.ts";
import type { Compression } from "../../../replay/chunk-compression.ts";
import { Recording } from "../../../replay/recording.ts";

const SIZE = { width: 640, height: 480 };
const CAMERAS = ["left", "right", "wrist"];
const IMAGE_RATE_HZ = 30;
const STATE_RATE_HZ = 100;
const JPEG_QUALITY = 90;
const FLUSH_PERIOD_MS = 50;
const MAX_PENDING_BYTES = 256e6;
/** Written before everything must be on the disk, in bursts that keep it busy. */
const BURST_BYTES = 64e6;
/** A burst waits while the disk has not taken so much. */
const WAITING_BYTES = 8e6;

export interface PacedWriting {
  readonly megabytesPerSecond: number;
  /** Processor time of the whole process as a share of one core. */
  readonly cpuShare: number;
  readonly messages: number;
  readonly dropped: number;
  readonly worstPendingMegabytes: number;
  /** Bytes of the files as a share of those of the messages. */
  readonly storedShare: number;
}

type Format = "raw" | "jpeg";

/** Three cameras at 30 Hz and joint states at 100 Hz for so many seconds, as the recorder writes them. */
export async function writePaced(
  folder: string,
  format: Format,
  seconds: number,
  compression: Compression = "none",
): Promise<PacedWriting> {
  const images = await makeImages(format, compression === "none" ? gradient : tiles);
  const type = format === "raw" ? "sensor_msgs/msg/Image" : "sensor_msgs/msg/CompressedImage";
  const recording = await begin(join(folder, `paced_${format}_${compression}`), compression);
  const clock = systemClock();
  const cameras = CAMERAS.map((name) => recording.addTopic(`/${name}/image_raw`, type, SENSOR_QOS));
  const joints = recording.addTopic("/joint_states", "sensor_msgs/msg/JointState", SENSOR_QOS);
  let [bytes, worstPending, nextImage, nextState, nextFlush] = [0, 0, 0, 0, 0];
  const cpuBeforeS = processorSeconds();
  const beganMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < seconds * 1000; elapsedMs = performance.now() - beganMs) {
    for (; nextState <= elapsedMs; nextState += 1000 / STATE_RATE_HZ) {
      const state = borrowSerialized("sensor_msgs/msg/JointState", jointState(clock.rosNs()));
      joints.write(state, clock.rosNs(), clock.rosNs());
      bytes += state.length;
    }
    for (; nextImage <= elapsedMs; nextImage += 1000 / IMAGE_RATE_HZ) {
      for (const [i, camera] of cameras.entries()) {
        const image = images[(i + Math.round(nextImage)) % images.length]!;
        camera.write(image, clock.rosNs(), clock.rosNs());
        bytes += image.length;
      }
    }
    for (; nextFlush <= elapsedMs; nextFlush += FLUSH_PERIOD_MS) recording.flush();
    worstPending = Math.max(worstPending, recording.pendingBytes);
    await delay(Math.max(1, Math.min(nextImage, nextState) - (performance.now() - beganMs)));
  }
  await recording.sync();
  const elapsedS = (performance.now() - beganMs) / 1000;
  const cpuS = processorSeconds() - cpuBeforeS;
  await recording.end();
  const { size } = await stat(join(recording.folder, `${basename(recording.folder)}_0.mcap`));
  await rm(recording.folder, { recursive: true });
  return {
    megabytesPerSecond: bytes / 1e6 / elapsedS,
    cpuShare: cpuS / elapsedS,
    messages: recording.messageCount,
    dropped: recording.topics.reduce((sum, { dropped }) => sum + dropped, 0),
    worstPendingMegabytes: worstPending / 1e6,
    storedShare: size / bytes,
  };
}

export interface FastestWriting {
  readonly megabytesPerSecond: number;
  /** Plain writes of the same bytes into a file, put on the disk as often. */
  readonly plainMegabytesPerSecond: number;
}

/** As much as the disk takes, in turns with a plain file. */
export async function writeFastest(folder: string, seconds: number): Promise<FastestWriting> {
  const images = await makeImages("raw", gradient);
  const rates = { bag: [] as number[], plain: [] as number[] };
  const endMs = performance.now() + seconds * 1000;
  for (let round = 0; round < 2 || performance.now() < endMs; round++) {
    rates.bag.push(await burstIntoBag(join(folder, `burst_${round}`), images));
    rates.plain.push(await burstIntoFile(join(folder, "plain.bin"), images));
  }
  return { megabytesPerSecond: median(rates.bag), plainMegabytesPerSecond: median(rates.plain) };
}

async function burstIntoBag(folder: string, images: readonly Uint8Array[]): Promise<number> {
  const recording = await begin(folder);
  const topic = recording.addTopic("/left/image_raw", "sensor_msgs/msg/Image", SENSOR_QOS);
  const beganMs = performance.now();
  let bytes = 0;
  for (let i = 0; bytes < BURST_BYTES; i++) {
    const image = images[i % images.length]!;
    topic.write(image, BigInt(i), BigInt(i));
    bytes += image.length;
    while (recording.pendingBytes > WAITING_BYTES) await immediate();
  }
  await recording.sync();
  const rate = bytes / 1e3 / (performance.now() - beganMs);
  await recording.end();
  await rm(folder, { recursive: true });
  return rate;
}

async function burstIntoFile(path: string, images: readonly Uint8Array[]): Promise<number> {
  const file = await open(path, "w");
  const beganMs = performance.now();
  let bytes = 0;
  for (let i = 0; bytes < BURST_BYTES; i++) {
    const image = images[i % images.length]!;
    await file.write(image);
    bytes += image.length;
  }
  await file.datasync();
  const rate = bytes / 1e3 / (performance.now() - beganMs);
  await file.close();
  await rm(path);
  return rate;
}

function begin(folder: string, compression: Compression = "none"): Promise<Recording> {
  const options = { chunkBytes: 768 * 1024, maxPendingBytes: MAX_PENDING_BYTES, minFreeBytes: 0, customData: {} };
  return Recording.begin({ folder, compression, ...options });
}

/** Value of byte `i` of picture `k`. */
type Pattern = (i: number, k: number, rng: Rng) => number;

/** Full of noise: nothing makes it smaller. */
const gradient: Pattern = (i, k, rng) => ((i / 30) % 200) + 20 * k + rng.integer(24);
/** Flat areas with the noise of a good sensor, as simulated and indoor pictures have them. */
const tiles: Pattern = (i, k, rng) => 40 + 30 * ((Math.floor(i / 120) + k) % 6) + rng.integer(3);

/** A few different pictures, as messages. */
async function makeImages(format: Format, pattern: Pattern): Promise<Uint8Array[]> {
  const { width, height } = SIZE;
  const rng = new Rng(1);
  const messages: Uint8Array[] = [];
  for (let k = 0; k < 4; k++) {
    const data = new Uint8Array(width * height * 3);
    for (let i = 0; i < data.length; i++) data[i] = pattern(i, k, rng);
    const image = { encoding: "rgb8", width, height, stride: 3 * width, data, stampNs: 0n } as const;
    if (format === "raw") messages.push(serializeMessage("sensor_msgs/msg/Image", imageToMessage(image, "camera")));
    else {
      const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
        .jpeg({ quality: JPEG_QUALITY })
        .toBuffer();
      const message = { header: makeHeader(0n, "camera"), format: "jpeg", data: jpeg };
      messages.push(serializeMessage("sensor_msgs/msg/CompressedImage", message));
    }
  }
  return messages;
}

function jointState(stampNs: bigint) {
  const name = ["a", "b", "c", "d", "e", "f"];
  const values = new Float64Array(name.length);
  return { header: makeHeader(stampNs), name, position: values, velocity: values, effort: values };
}
