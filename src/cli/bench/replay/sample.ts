import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { McapIndexedReader } from "@mcap/core";
import { ImagePath } from "../../../cameras/index.ts";
import { DEFAULT_QOS, SENSOR_QOS } from "../../../core/node.ts";
import { Rng } from "../../../core/rng.ts";
import { allocateData, elementCount } from "../../../core/tensor.ts";
import { prefetchBatches } from "../../../learning/optimization/prefetch.ts";
import { median } from "../../../math/median.ts";
import {
  borrowRawImage,
  borrowSerialized,
  deserializeMessage,
  imageToMessage,
  kindOfStep,
  makeEpisodeEvent,
  makeHeader,
} from "../../../messages/index.ts";
import { Recording } from "../../../replay/recording.ts";
import { ReplayIndex } from "../../../replay/replay-index.ts";
import { type SamplerOptions, SequenceSampler } from "../../../replay/sequence-sampler.ts";

const EPISODES = 20;
const STEPS = 200;
const RECORDED = 128;
const MODEL = 64;
const STEP_NS = 100_000_000n;
const OPTIONS: SamplerOptions = {
  batch: 16,
  length: 64,
  cameras: [{ name: "scene", width: MODEL, height: MODEL }],
  proprioception: [{ name: "joint.position", offset: 0, scale: 1 }],
  border: "cross",
  nStep: 1,
  discount: 0.99,
  cacheBytes: 256e6,
  threads: 2,
};
/** The time an accelerator takes for a step of a small world model. */
const TRAINER_STEP_MS = 100;
/** Random sequences over so many times all frames leave few that were never drawn. */
const PASSES = 4;

export interface Sampling {
  /** With an empty cache, and once every frame is in it. */
  readonly firstBatchSequencesPerSecond: number;
  readonly sequencesPerSecond: number;
  /** The library's indexed reader, sequence by sequence, through the same image path. */
  readonly naiveSequencesPerSecond: number;
  /** Opening the index by reading the bag, and once its tables are stored. */
  readonly indexSeconds: number;
  readonly storedIndexSeconds: number;
  readonly frames: number;
  readonly trainerStepMs: number;
  /** Share of its time that a trainer with such steps waits for its batch, behind prefetching. */
  readonly trainerWaitShare: number;
  /** The same before that, while frames are decoded for the first time. */
  readonly coldTrainerWaitShare: number;
}

/** Sequences per second from a bag of 20 episodes of 128×128 images, at 16 × 64 steps of 64×64. */
export async function measureSampling(folder: string, seconds: number): Promise<Sampling> {
  const path = join(folder, "sampled");
  await record(path);
  const open = async () => {
    const beganMs = performance.now();
    return { index: await ReplayIndex.open(path), seconds: (performance.now() - beganMs) / 1000 };
  };
  const { index: read, seconds: indexSeconds } = await open();
  await read.close();
  const { index, seconds: storedIndexSeconds } = await open();
  const sampler = new SequenceSampler(index, OPTIONS);
  const naive = await NaiveReader.open(join(path, "sampled_0.mcap"));
  const arrays = Object.fromEntries(
    sampler.specs.map(({ name, shape, dtype }) => [name, allocateData(dtype, elementCount(shape))]),
  );
  const rng = new Rng(0);
  const timed = async (work: () => Promise<unknown>, sequences: number) => {
    const beganMs = performance.now();
    await work();
    return (1000 * sequences) / (performance.now() - beganMs);
  };
  const first = await timed(() => sampler.fill(arrays, rng), OPTIONS.batch);
  while (sampler.decodeCounts.decoded < index.frames * 0.99) await sampler.fill(arrays, rng);
  const rates = { ours: [] as number[], naive: [] as number[] };
  const endMs = performance.now() + seconds * 500;
  while (rates.ours.length < 3 || performance.now() < endMs) {
    rates.ours.push(await timed(() => sampler.fill(arrays, rng), OPTIONS.batch));
    rates.naive.push(await timed(() => naive.sequence(rng.integer(index.frames - OPTIONS.length)), 1));
  }
  const { specs } = sampler;
  const { frames } = index;
  await naive.close();
  await sampler.close();
  await index.close();
  return {
    firstBatchSequencesPerSecond: first,
    sequencesPerSecond: median(rates.ours),
    naiveSequencesPerSecond: median(rates.naive),
    indexSeconds,
    storedIndexSeconds,
    frames,
    trainerStepMs: TRAINER_STEP_MS,
    ...(await measureWaiting(path, specs, frames, seconds * 500)),
  };
}

/** A trainer whose steps run on an accelerator: it asks for a batch, then is busy elsewhere. */
async function measureWaiting(replay: string, specs: SequenceSampler["specs"], frames: number, budgetMs: number) {
  const location = {
    module: new URL("../../../learning/episodes/replay-batches.js", import.meta.url),
    options: { replay, ...OPTIONS },
  };
  const stream = prefetchBatches(location, { specs, stepsPerRun: 1, seed: 0, firstIndex: 0 });
  const waitShare = async (goesOn: (steps: number, elapsedMs: number) => boolean) => {
    const beganMs = performance.now();
    let waitedMs = 0;
    for (let steps = 0; goesOn(steps, performance.now() - beganMs); steps++) {
      await delay(TRAINER_STEP_MS);
      const askedMs = performance.now();
      await stream.next();
      waitedMs += performance.now() - askedMs;
    }
    return waitedMs / (performance.now() - beganMs);
  };
  await stream.next();
  const batches = (PASSES * frames) / (OPTIONS.batch * OPTIONS.length);
  const coldTrainerWaitShare = await waitShare((steps) => steps < batches);
  const trainerWaitShare = await waitShare((_, elapsedMs) => elapsedMs < budgetMs);
  await stream.close();
  return { trainerWaitShare, coldTrainerWaitShare };
}

/** What a first attempt at sampling looks like: seek, read, decode, for every sequence anew. */
class NaiveReader {
  readonly #reader: McapIndexedReader;
  readonly close: () => Promise<void>;
  readonly #path = new ImagePath({
    camera: "scene",
    source: { encoding: "rgb8", width: RECORDED, height: RECORDED },
    output: { width: MODEL, height: MODEL },
  });

  private constructor(reader: McapIndexedReader, close: () => Promise<void>) {
    this.#reader = reader;
    this.close = close;
  }

  static async open(path: string): Promise<NaiveReader> {
    const file = await open(path, "r");
    const readable = {
      size: async () => BigInt((await file.stat()).size),
      read: async (offset: bigint, size: bigint) => {
        const bytes = new Uint8Array(Number(size));
        await file.read(bytes, 0, bytes.length, Number(offset));
        return bytes;
      },
    };
    return new NaiveReader(await McapIndexedReader.Initialize({ readable }), () => file.close());
  }

  async sequence(frame: number): Promise<Uint8Array> {
    const out = new Uint8Array(OPTIONS.length * this.#path.outputBytes);
    const startTime = BigInt(frame) * STEP_NS;
    const endTime = startTime + BigInt(OPTIONS.length - 1) * STEP_NS;
    let t = 0;
    for await (const { data } of this.#reader.readMessages({ topics: ["/scene/image_raw"], startTime, endTime })) {
      const image = borrowRawImage(deserializeMessage("sensor_msgs/msg/Image", data));
      this.#path.convertInto(image, out.subarray(t * this.#path.outputBytes, (t + 1) * this.#path.outputBytes));
      t++;
    }
    return out;
  }
}

async function record(folder: string): Promise<void> {
  const options = { chunkBytes: 768 * 1024, maxPendingBytes: 1e9, minFreeBytes: 0, customData: {} };
  const recording = await Recording.begin({ folder, ...options });
  const images = recording.addTopic("/scene/image_raw", "sensor_msgs/msg/Image", SENSOR_QOS);
  const joints = recording.addTopic("/joint_states", "sensor_msgs/msg/JointState", SENSOR_QOS);
  const actions = recording.addTopic("/action", "sensor_msgs/msg/JointState", SENSOR_QOS);
  const events = recording.addTopic("/episode", "latentloop_msgs/msg/EpisodeEvent", DEFAULT_QOS);
  let nowNs = 0n;
  for (let episode = 0; episode < EPISODES; episode++) {
    for (let step = 0; step < STEPS; step++, nowNs += STEP_NS) {
      const data = new Uint8Array(RECORDED * RECORDED * 3).fill(step);
      const size = { width: RECORDED, height: RECORDED, stride: 3 * RECORDED };
      const image = imageToMessage({ encoding: "rgb8", ...size, data, stampNs: nowNs }, "scene");
      images.write(borrowSerialized("sensor_msgs/msg/Image", image), nowNs, nowNs);
      const joint = { header: makeHeader(nowNs), name: ["joint"], position: [step], velocity: [0], effort: [] };
      const bytes = borrowSerialized("sensor_msgs/msg/JointState", joint);
      joints.write(bytes, nowNs, nowNs);
      actions.write(bytes, nowNs, nowNs);
      const event = makeEpisodeEvent(kindOfStep(step, STEPS - 1), nowNs, { episode, step });
      events.write(borrowSerialized("latentloop_msgs/msg/EpisodeEvent", event), nowNs, nowNs);
    }
    await recording.sync();
  }
  await recording.end();
}
