import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Dataset, DatasetEpisode, Frame } from "./dataset.ts";
import { evenStamps } from "./even-stamps.ts";
import { decodeVideo } from "./ffmpeg.ts";
import {
  formatPath,
  INTERVENTION_FEATURE,
  PROVENANCE_FEATURE,
  STAMP_FEATURE,
  VELOCITY_FEATURE,
} from "./lerobot-layout.ts";
import { type Row, readParquet } from "./parquet.ts";

const featureSchema = z.object({ dtype: z.string(), shape: z.array(z.number()), names: z.unknown() });
const infoSchema = z.object({
  codebase_version: z.string().regex(/^v3\./, "Expected v3.x"),
  fps: z.number().positive(),
  total_episodes: z.int().nonnegative(),
  data_path: z.string(),
  video_path: z.string().nullish(),
  features: z.record(z.string(), featureSchema),
});

const IMAGE_PREFIX = "observation.images.";

/**
 * A data set in LeRobot's format v3.
 *
 * True stamps come from our own feature where it is there; else from `timestamp`.
 * @throws ERR_DATASET_UNREADABLE if a file is missing or of another version
 */
export async function openLeRobotDataset(path: string): Promise<Dataset> {
  const info = await readInfo(path);
  const episodes = await readEpisodes(path);
  const tasks = await readTasks(path);
  const { features, fps } = info;
  const { "observation.state": stateFeature, action: actionFeature, [STAMP_FEATURE]: stampFeature } = features;
  if (stateFeature === undefined || actionFeature === undefined) {
    throw unreadable(path, `its features are ${Object.keys(features).join(", ")}, without observation.state or action`);
  }
  const cameras = Object.entries(features)
    .filter(([, { dtype }]) => dtype === "video")
    .map(([key, { shape }]) => ({ key, name: key.replace(IMAGE_PREFIX, ""), height: shape[0]!, width: shape[1]! }));
  const provenanceNames = Object.keys(features)
    .filter((name) => PROVENANCE_FEATURE.test(name))
    .sort();
  const stampNames = stampFeature === undefined ? [] : namesOf(stampFeature, "stamp");
  let loaded: { readonly file: string; readonly rows: Row[] } | undefined;
  const rowsOf = async (episode: Row): Promise<Row[]> => {
    const place = { chunk_index: Number(episode["data/chunk_index"]), file_index: Number(episode["data/file_index"]) };
    const file = join(path, formatPath(info.data_path, place));
    if (loaded?.file !== file) loaded = { file, rows: await readParquet(file) };
    return loaded.rows.filter((row) => Number(row.episode_index) === Number(episode.episode_index));
  };
  return {
    path,
    stateNames: namesOf(stateFeature, "state"),
    actionNames: namesOf(actionFeature, "action"),
    cameras: cameras.map(({ name, width, height }) => ({ name, width, height })),
    provenanceNames,
    rateHz: fps,
    episodeCount: episodes.length,
    async episode(number): Promise<DatasetEpisode> {
      const episode = episodes[number]!;
      const rows = await rowsOf(episode);
      const steps = rows.length;
      if (steps !== Number(episode.length)) {
        throw unreadable(path, `episode ${number} has ${steps} rows where ${episode.length} are stated`);
      }
      const stamped = rows.map((row) => row[STAMP_FEATURE] as bigint[] | bigint | undefined).map(asList);
      const even = evenStamps(number, steps, fps);
      const stampsNs = stamped[0] === undefined ? even.stampsNs : stamped.map((stamps) => BigInt(stamps![0]!));
      return {
        number,
        task: tasks.get(Number(rows[0]?.task_index)) ?? "",
        success: rows.at(-1)?.["next.success"] === true,
        terminal: rows.at(-1)?.["next.done"] === true && rows.at(-1)?.["next.truncated"] !== true,
        stampsNs,
        endNs: stampsNs.at(-1)! + BigInt(Math.round(1e9 / fps)),
        state: column(rows, "observation.state"),
        velocity: column(rows, VELOCITY_FEATURE),
        action: column(rows, "action"),
        reward: Float32Array.from(rows, (row) => Number(row["next.reward"] ?? Number.NaN)),
        intervention: rows.map((row) => row[INTERVENTION_FEATURE] === true),
        provenance: Object.fromEntries(
          provenanceNames.map((name) => [name, rows.map((row) => String(row[name] ?? ""))]),
        ),
        async *frames(camera): AsyncGenerator<Frame> {
          const { key, width, height } = cameras.find(({ name }) => name === camera)!;
          const place = {
            video_key: key,
            chunk_index: Number(episode[`videos/${key}/chunk_index`]),
            file_index: Number(episode[`videos/${key}/file_index`]),
          };
          const file = join(path, formatPath(info.video_path ?? "", place));
          const fromS = Number(episode[`videos/${key}/from_timestamp`] ?? 0);
          const stampIndex = stampNames.indexOf(camera);
          let step = 0;
          for await (const data of decodeVideo(file, { width, height, rateHz: fps }, fromS, steps)) {
            const stampNs = stampIndex < 0 ? stampsNs[step]! : BigInt(stamped[step]![stampIndex]!);
            step++;
            yield { encoding: "rgb8", width, height, stride: 3 * width, data, stampNs };
          }
        },
      };
    },
    close: async () => {},
  };
}

function asList(value: bigint[] | bigint | undefined): bigint[] | undefined {
  return typeof value === "bigint" ? [value] : value;
}

async function readInfo(path: string): Promise<z.output<typeof infoSchema>> {
  try {
    return infoSchema.parse(JSON.parse(await readFile(join(path, "meta/info.json"), "utf8")));
  } catch (cause) {
    throw unreadable(path, messageOf(cause), cause);
  }
}

/** The rows of all files below meta/episodes, in the order of their episodes. */
async function readEpisodes(path: string): Promise<Row[]> {
  const root = join(path, "meta/episodes");
  const files = await readdir(root, { recursive: true }).catch((cause) => {
    throw unreadable(path, messageOf(cause), cause);
  });
  const rows: Row[] = [];
  for (const file of files.filter((name) => name.endsWith(".parquet")).sort())
    rows.push(...(await readParquet(join(root, file))));
  return rows.sort((a, b) => Number(a.episode_index) - Number(b.episode_index));
}

/** Task by its index. pandas calls the index column of its tables `__index_level_0__` when it has no name. */
async function readTasks(path: string): Promise<Map<number, string>> {
  const rows = await readParquet(join(path, "meta/tasks.parquet"));
  return new Map(rows.map((row) => [Number(row.task_index), String(row.task ?? row.__index_level_0__ ?? "")]));
}

function column(rows: readonly Row[], name: string): Float64Array {
  const values = rows.map((row) => row[name]);
  if (values[0] === undefined) return new Float64Array();
  return Float64Array.from(
    values.flatMap((value) =>
      ArrayBuffer.isView(value) || Array.isArray(value) ? Array.from(value as ArrayLike<number>) : [Number(value)],
    ),
  );
}

/** Names of a vector's elements; data sets write them as a list, or as a list below a key. */
function namesOf({ names, shape }: z.output<typeof featureSchema>, fallback: string): string[] {
  const list = Array.isArray(names) ? names : names && typeof names === "object" ? Object.values(names).flat() : [];
  return list.length === shape[0]
    ? list.map(String)
    : Array.from({ length: shape[0] ?? 1 }, (_, i) => `${fallback}_${i}`);
}

function unreadable(path: string, why: string, cause?: unknown): LatentloopError {
  return new LatentloopError("ERR_DATASET_UNREADABLE", `Expected a LeRobot v3 data set at ${path}: ${why}.`, { cause });
}
