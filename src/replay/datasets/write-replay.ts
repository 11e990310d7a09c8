import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
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
    if (!(await exists(join(folder, name)))) {
      await writeEpisode(dataset, await dataset.episode(i), join(folder, PARTIAL, name));
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

async function writeEpisode(dataset: Dataset, episode: DatasetEpisode, folder: string): Promise<void> {
  const recording = await Recording.begin({
    folder,
    chunkBytes: CHUNK_BYTES,
    maxPendingBytes: MAX_PENDING_BYTES,
    minFreeBytes: 0,
    customData: { source: dataset.path, source_episode: String(episode.number) },
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
