import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { LatentloopError } from "../../core/errors.ts";
import { DEFAULT_QOS, LATCHED_QOS, SENSOR_QOS } from "../../core/node.ts";
import {
  borrowSerialized,
  kindOfStep,
  makeEpisodeEvent,
  makeHeader,
  opticalFrame,
  type RosMessages,
  type RosType,
} from "../../messages/index.ts";
import { BagReader } from "../bag-reader.ts";
import { Recording } from "../recording.ts";
import { writeInto } from "../write-into.ts";
import { type Dataset, type DatasetEpisode, type Frame, rgbOf } from "./dataset.ts";

/** Bytes that wait for the disk; a conversion is not in a hurry, so it waits for the disk first. */
const MAX_PENDING_BYTES = 512e6;
const CHUNK_BYTES = 768 * 1024;
const PARTIAL = ".partial";

/**
 * Writes a data set as bags, one per episode, below a folder.
 *
 * Interrupted, it leaves whole bags only, and goes on behind them when it is run again.
 * @throws ERR_BAG_EXISTS if a bag is there that was made of another source, or at another rate
 * @throws ERR_NOT_WRITABLE, ERR_RECORDING if the folder cannot be written
 */
export function writeReplay(
  dataset: Dataset,
  folder: string,
  onEpisode: (done: number) => void = () => {},
): Promise<void> {
  return writeInto(folder, () => writeBags(dataset, folder, onEpisode));
}

async function writeBags(dataset: Dataset, folder: string, onEpisode: (done: number) => void): Promise<void> {
  await mkdir(folder, { recursive: true });
  await rm(join(folder, PARTIAL), { recursive: true, force: true });
  for (let i = 0; i < dataset.episodeCount; i++) {
    const name = `episode_${String(i).padStart(6, "0")}`;
    if (await exists(join(folder, name))) await requireSame(dataset, i, join(folder, name));
    else {
      await writeEpisode(dataset, i, join(folder, PARTIAL, name));
      await rename(join(folder, PARTIAL, name), join(folder, name));
    }
    onEpisode(i + 1);
  }
  await rm(join(folder, PARTIAL), { recursive: true, force: true });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** What a bag was made of, as it stands in its custom data. */
function originOf(dataset: Dataset, index: number): Record<string, string> {
  return { source: resolve(dataset.path), source_index: String(index), source_rate_hz: String(dataset.rateHz) };
}

/** @throws ERR_BAG_EXISTS if a bag that is there has another origin */
async function requireSame(dataset: Dataset, index: number, path: string): Promise<void> {
  const bag = await BagReader.open(path);
  const { customData } = bag;
  await bag.close();
  for (const [key, wanted] of Object.entries(originOf(dataset, index))) {
    if (customData[key] === wanted) continue;
    throw new LatentloopError(
      "ERR_BAG_EXISTS",
      `Expected ${path} to be an earlier import with the ${key} ${wanted} but it has ${customData[key] ?? "none"}.`,
      { remedy: "Choose another folder, or move this one away." },
    );
  }
}

async function writeEpisode(dataset: Dataset, index: number, folder: string): Promise<void> {
  const episode = await dataset.episode(index);
  const recording = await Recording.begin({
    folder,
    chunkBytes: CHUNK_BYTES,
    maxPendingBytes: MAX_PENDING_BYTES,
    minFreeBytes: 0,
    customData: { ...originOf(dataset, index), source_episode: String(episode.number) },
  });
  const writer = <T extends RosType>(name: string, type: T, qos = SENSOR_QOS) => {
    const topic = recording.addTopic(name, type, qos);
    return (message: RosMessages[T], stampNs: bigint) => topic.write(borrowSerialized(type, message), stampNs, stampNs);
  };
  const writeEvent = writer("/episode", "latentloop_msgs/msg/EpisodeEvent", DEFAULT_QOS);
  const writeState = writer("/joint_states", "sensor_msgs/msg/JointState");
  const writeAction = writer("/action", "sensor_msgs/msg/JointState");
  const cameras = dataset.cameras.map(({ name }) => ({
    name,
    frames: episode.frames(name)[Symbol.asyncIterator](),
    write: writer(`/${name}/image_raw/compressed`, "sensor_msgs/msg/CompressedImage"),
  }));
  const hashes = dataset.provenanceNames.map((name) => ({
    values: episode.provenance[name] ?? [],
    write: writer(`/provenance/${name.replaceAll(".", "/")}`, "std_msgs/msg/String", LATCHED_QOS),
  }));
  const { stampsNs, state, velocity, action } = episode;
  const row = (values: Float64Array, step: number, width: number) => values.subarray(step * width, (step + 1) * width);
  for (const [step, stampNs] of stampsNs.entries()) {
    const header = makeHeader(stampNs);
    for (const camera of cameras) {
      const { value, done } = await camera.frames.next();
      if (done !== true) camera.write(await compressedMessage(camera.name, value), stampNs);
    }
    const names = dataset.stateNames;
    const motion = { position: row(state, step, names.length), velocity: row(velocity, step, names.length) };
    writeState({ header, name: names, ...motion, effort: [] }, stampNs);
    for (const { values, write } of hashes) {
      const data = values[step] ?? "";
      if (step === 0 || data !== values[step - 1]) write({ data }, stampNs);
    }
    writeEvent(eventOf(episode, step, stampNs), stampNs);
    const position = row(action, step, dataset.actionNames.length);
    writeAction({ header, name: dataset.actionNames, position, velocity: [], effort: [] }, stampNs);
    await recording.sync();
  }
  writeEvent(eventOf(episode, stampsNs.length, episode.endNs), episode.endNs);
  await recording.end();
}

function eventOf({ number, task, success, terminal, reward, intervention }: DatasetEpisode, step: number, ns: bigint) {
  const isEnd = step === reward.length;
  return makeEpisodeEvent(kindOfStep(step, reward.length), ns, {
    episode: number,
    step,
    reward: step === 0 ? 0 : reward[step - 1]!,
    is_terminal: isEnd && terminal,
    success: isEnd && success,
    intervention: step > 0 && intervention[step - 1]!,
    note: step === 0 ? task : "",
  });
}

/** Compressed images stay as they are; pixels become PNG, which loses nothing. */
async function compressedMessage(
  camera: string,
  frame: Frame,
): Promise<RosMessages["sensor_msgs/msg/CompressedImage"]> {
  const header = makeHeader(frame.stampNs, opticalFrame(camera));
  if ("format" in frame) return { header, format: frame.format, data: frame.data };
  const { width, height, data } = await rgbOf(camera, frame);
  const png = sharp(data, { raw: { width, height, channels: 3 } }).png({ compressionLevel: 1 });
  return { header, format: "png", data: await png.toBuffer() };
}
