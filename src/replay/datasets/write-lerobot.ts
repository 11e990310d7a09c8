import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { LatentloopError } from "../../core/errors.ts";
import { writeInto } from "../write-into.ts";
import { type Dataset, type DatasetEpisode, rgbOf } from "./dataset.ts";
import { DatasetStats } from "./dataset-stats.ts";
import { encodeVideo, type VideoCodec } from "./ffmpeg.ts";
import {
  CHUNKS_SIZE,
  DATA_PATH,
  EPISODES_PATH,
  type Feature,
  featuresOf,
  formatPath,
  placeOf,
  STAMP_FEATURE,
  VELOCITY_FEATURE,
  VIDEO_PATH,
  videoKey,
} from "./lerobot-layout.ts";
import { type Column, encodeParquet } from "./parquet.ts";

export interface LeRobotOptions {
  readonly codec: VideoCodec;
  readonly robotType: string;
  readonly onEpisode?: (done: number) => void;
}

/** Stays while the data set is not whole. */
const UNFINISHED = "meta/unfinished.json";
/** Pixels per picture that stats.json is computed from, about. */
const SAMPLED_PIXELS = 1000;

/**
 * Writes a data set in LeRobot's format v3: parquet files, MP4 videos, statistics and tasks.
 *
 * Interrupted, it leaves whole files only, and goes on behind them when it is run again with the same source and settings;
 * `meta/info.json`, without which no reader opens the folder, comes last.
 * Source: LeRobot v3, src/lerobot/datasets. Differs: a pair of files per episode, so that they can be written one by one.
 * @throws ERR_BAG_EXISTS if a finished data set is there already, or an unfinished one of another source or with other settings
 * @throws ERR_FFMPEG if videos cannot be encoded
 * @throws ERR_NOT_WRITABLE if the folder cannot be written
 */
export function writeLeRobot(dataset: Dataset, folder: string, options: LeRobotOptions): Promise<void> {
  return writeInto(folder, () => writeFiles(dataset, folder, options));
}

async function writeFiles(dataset: Dataset, folder: string, options: LeRobotOptions): Promise<void> {
  if (await exists(join(folder, "meta/info.json"))) {
    throw new LatentloopError(
      "ERR_BAG_EXISTS",
      `Expected no finished data set at ${folder}, but meta/info.json is there.`,
      {
        remedy: "Choose another folder, or move it away.",
      },
    );
  }
  const first = await dataset.episode(0);
  const features = featuresOf(dataset, first.velocity.length > 0, options.codec);
  await claim(folder, { source: resolve(dataset.path), rate: dataset.rateHz, features });
  const writer = new LeRobotWriter(dataset, folder, options, features);
  for (let i = 0; i < dataset.episodeCount; i++) {
    await writer.add(i, i === 0 ? first : await dataset.episode(i));
    options.onEpisode?.(i + 1);
  }
  await writer.end();
  await rm(join(folder, UNFINISHED));
}

/** Says of what an unfinished data set is made, so that no other one goes on with its files. */
async function claim(folder: string, origin: Readonly<Record<string, unknown>>): Promise<void> {
  const path = join(folder, UNFINISHED);
  const text = JSON.stringify(origin, null, 4);
  const found = await readFile(path, "utf8").catch(() => undefined);
  if (found === text) return;
  if (found !== undefined || (await exists(join(folder, "data"))) || (await exists(join(folder, "videos")))) {
    const other =
      found === undefined ? "of which it does not say what it is made of" : `of ${JSON.parse(found).source}`;
    throw taken(folder, other);
  }
  await writeWhole(path, text);
}

function taken(folder: string, what: string): LatentloopError {
  return new LatentloopError(
    "ERR_BAG_EXISTS",
    `Expected no data set of another source or with other settings at ${folder} but there is an unfinished one ${what}.`,
    { remedy: "Choose another folder, or delete this one." },
  );
}

async function writeWhole(path: string, content: Buffer | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.partial`, content, { flush: true });
  await rename(`${path}.partial`, path);
}

class LeRobotWriter {
  readonly #dataset: Dataset;
  readonly #folder: string;
  readonly #options: LeRobotOptions;
  readonly #features: Readonly<Record<string, Feature>>;
  readonly #fps: number;
  readonly #tasks: string[] = [];
  readonly #stats = new DatasetStats();
  readonly #episodes: Readonly<Record<string, unknown>>[] = [];
  #frames = 0;

  constructor(dataset: Dataset, folder: string, options: LeRobotOptions, features: Readonly<Record<string, Feature>>) {
    this.#dataset = dataset;
    this.#folder = folder;
    this.#options = options;
    this.#features = features;
    this.#fps = Math.max(1, Math.round(dataset.rateHz));
  }

  async add(index: number, episode: DatasetEpisode): Promise<void> {
    const { task } = episode;
    if (!this.#tasks.includes(task)) this.#tasks.push(task);
    const own = new DatasetStats();
    const path = formatPath(DATA_PATH, placeOf(index));
    const before = await readFile(join(this.#folder, path)).catch(() => undefined);
    const captures = await this.#writeVideos(index, episode, before !== undefined, [own, this.#stats]);
    const columns = this.#columns(index, episode, this.#tasks.indexOf(task), captures);
    const content = encodeParquet(columns);
    if (before?.equals(Buffer.from(content)) === false) {
      throw taken(this.#folder, `whose episode ${index} is another one than now`);
    }
    await this.#write(path, content);
    for (const { name, type, values } of columns) {
      if (type === "string") continue;
      for (const value of values) {
        const row = (Array.isArray(value) ? value : [value]).map(Number).map((x) => (Number.isNaN(x) ? 0 : x)); // JSON has no NaN
        for (const stats of [own, this.#stats]) stats.addVector(name, row);
      }
    }
    this.#episodes.push(this.#episodeRow(index, episode, task, own));
    this.#frames += episode.stampsNs.length;
  }

  async end(): Promise<void> {
    const { codec: _, robotType } = this.#options;
    const episodeColumns = Object.keys(this.#episodes[0]!).map((name) => columnOf(name, this.#episodes));
    await this.#write(EPISODES_PATH, encodeParquet(episodeColumns));
    // LeRobot looks tasks up by the table's index.
    const tasks = encodeParquet(
      [
        { name: "task_index", type: "int64", lists: 0, values: this.#tasks.map((_task, i) => i) },
        { name: "task", type: "string", lists: 0, values: this.#tasks },
      ],
      "task",
    );
    await this.#write("meta/tasks.parquet", tasks);
    await this.#write("meta/stats.json", JSON.stringify(this.#stats.figures, null, 4));
    const info = {
      codebase_version: "v3.0",
      robot_type: robotType,
      total_episodes: this.#episodes.length,
      total_frames: this.#frames,
      total_tasks: this.#tasks.length,
      chunks_size: CHUNKS_SIZE,
      data_files_size_in_mb: 100,
      video_files_size_in_mb: 200,
      fps: this.#fps,
      splits: { train: `0:${this.#episodes.length}` },
      data_path: DATA_PATH,
      video_path: this.#dataset.cameras.length > 0 ? VIDEO_PATH : null,
      features: this.#features,
    };
    await this.#write("meta/info.json", JSON.stringify(info, null, 4));
  }

  #columns(index: number, episode: DatasetEpisode, taskIndex: number, captures: readonly bigint[][]): Column[] {
    const { stampsNs, state, velocity, action, reward, intervention, provenance, success, terminal } = episode;
    const steps = stampsNs.length;
    const every = (value: (step: number) => unknown) => stampsNs.map((_, step) => value(step));
    const isLast = (step: number) => step === steps - 1;
    const values: Readonly<Record<string, unknown[]>> = {
      "observation.state": rows(state, steps),
      [VELOCITY_FEATURE]: rows(velocity, steps),
      action: rows(action, steps),
      [STAMP_FEATURE]: every((step) => cell([stampsNs[step]!, ...captures.map((camera) => camera[step]!)])),
      "next.reward": every((step) => reward[step]!),
      "next.done": every(isLast),
      "next.truncated": every((step) => isLast(step) && !terminal),
      "next.success": every((step) => isLast(step) && success),
      intervention: every((step) => intervention[step]!),
      timestamp: every((step) => step / this.#fps),
      frame_index: every((step) => step),
      episode_index: every(() => index),
      index: every((step) => this.#frames + step),
      task_index: every(() => taskIndex),
    };
    const valuesOf = (name: string) => values[name] ?? every((step) => provenance[name]?.[step] ?? "");
    return Object.entries(this.#features).flatMap(([name, { dtype, shape }]) =>
      dtype === "video" ? [] : [{ name, type: dtype, lists: shape[0] === 1 ? 0 : 1, values: valuesOf(name) }],
    );
  }

  /**
   * Capture stamps of each camera's frames; encodes the videos.
   * @param isWhole whether videos that are there were written to their end with the episode's data
   */
  async #writeVideos(
    index: number,
    episode: DatasetEpisode,
    isWhole: boolean,
    summaries: readonly DatasetStats[],
  ): Promise<bigint[][]> {
    const captures: bigint[][] = [];
    for (const { name, width, height } of this.#dataset.cameras) {
      const key = videoKey(name);
      const path = join(this.#folder, formatPath(VIDEO_PATH, { video_key: key, ...placeOf(index) }));
      const stamps: bigint[] = [];
      const stride = Math.max(1, Math.floor((width * height) / SAMPLED_PIXELS));
      const pictures = async function* () {
        for await (const frame of episode.frames(name)) {
          const image = await rgbOf(name, frame);
          if (image.width !== width || image.height !== height) {
            throw new LatentloopError(
              "ERR_IMAGE_SIZE",
              `Expected images of ${width}×${height} from ${name} but received ${image.width}×${image.height} in episode ${index}.`,
            );
          }
          stamps.push(image.stampNs);
          for (const stats of summaries) stats.addPicture(key, image.data, stride);
          yield image.data;
        }
      };
      if (isWhole && (await exists(path))) {
        for await (const _ of pictures());
      } else {
        await mkdir(dirname(path), { recursive: true });
        await encodeVideo(`${path}.partial`, { width, height, rateHz: this.#fps }, this.#options.codec, pictures());
        await rename(`${path}.partial`, path);
      }
      captures.push(stamps);
    }
    return captures;
  }

  #episodeRow(index: number, episode: DatasetEpisode, task: string, own: DatasetStats) {
    const { chunk_index, file_index } = placeOf(index);
    const length = episode.stampsNs.length;
    const videos = this.#dataset.cameras.flatMap(({ name }) => {
      const key = `videos/${videoKey(name)}`;
      return [
        [`${key}/chunk_index`, chunk_index],
        [`${key}/file_index`, file_index],
        [`${key}/from_timestamp`, 0],
        [`${key}/to_timestamp`, length / this.#fps],
      ];
    });
    const stats = Object.entries(own.figures).flatMap(([name, figures]) =>
      Object.entries(figures).map(([figure, value]) => [`stats/${name}/${figure}`, value]),
    );
    return Object.fromEntries([
      ["episode_index", index],
      ["tasks", [task]],
      ["length", length],
      ["dataset_from_index", this.#frames],
      ["dataset_to_index", this.#frames + length],
      ["data/chunk_index", chunk_index],
      ["data/file_index", file_index],
      ...videos,
      ["meta/episodes/chunk_index", 0],
      ["meta/episodes/file_index", 0],
      ...stats,
    ]);
  }

  async #write(path: string, content: Buffer | string): Promise<void> {
    const target = join(this.#folder, path);
    if ((await readFile(target).catch(() => undefined))?.equals(Buffer.from(content))) return;
    await writeWhole(target, content);
  }
}

function rows(values: Float64Array, steps: number): (number | number[])[] {
  const width = values.length / steps;
  return Array.from({ length: steps }, (_, step) =>
    cell(Array.from(values.subarray(step * width, (step + 1) * width))),
  );
}

/** A vector of one element is a plain value, as LeRobot has it. */
function cell<Element>(vector: Element[]): Element | Element[] {
  return vector.length === 1 ? vector[0]! : vector;
}

/** Column of the episodes' table: its type follows from its name. */
function columnOf(name: string, episodes: readonly Readonly<Record<string, unknown>>[]): Column {
  const values = episodes.map((row) => row[name]);
  const lists = depthOf(values[0]);
  const isTime = /timestamp$/.test(name);
  if (name === "tasks") return { name, type: "string", lists, values };
  const type = (name.startsWith("stats/") && !name.endsWith("/count")) || isTime ? "float64" : "int64";
  return { name, type, lists, values };
}

function depthOf(value: unknown): number {
  return Array.isArray(value) ? 1 + depthOf(value[0]) : 0;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
