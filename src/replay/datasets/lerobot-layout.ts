import type { Dataset } from "./dataset.ts";
import { pixelFormat, type VideoCodec } from "./ffmpeg.ts";
import type { ColumnType } from "./parquet.ts";

/** One feature of info.json. */
export interface Feature {
  readonly dtype: ColumnType | "video";
  readonly shape: readonly number[];
  readonly names: readonly string[] | null;
  readonly info?: Readonly<Record<string, unknown>>;
}

export const CHUNKS_SIZE = 1000;
export const DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet";
export const VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4";
export const EPISODES_PATH = "meta/episodes/chunk-000/file-000.parquet";

/** Our own features: readers accept more than they know. */
export const STAMP_FEATURE = "observation.stamp_ns";
export const VELOCITY_FEATURE = "observation.velocity";
export const INTERVENTION_FEATURE = "intervention";
/** Strings: hashes of the model and of each camera's calibration. */
export const PROVENANCE_FEATURE = /^(model_hash$|calibration_hash\.)/;

export function videoKey(camera: string): string {
  return `observation.images.${camera.replaceAll("/", "_")}`;
}

/** Fills a path template of info.json. */
export function formatPath(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)(?::0?(\d+)d)?\}/g, (_, name: string, digits?: string) =>
    String(values[name]).padStart(Number(digits ?? 0), "0"),
  );
}

/** Every episode has files of its own: whole ones stay when a conversion is interrupted. */
export function placeOf(episode: number): { chunk_index: number; file_index: number } {
  return { chunk_index: Math.floor(episode / CHUNKS_SIZE), file_index: episode % CHUNKS_SIZE };
}

const scalar = (dtype: ColumnType): Feature => ({ dtype, shape: [1], names: null });

/** The features of a data set. Source: LeRobot v3, src/lerobot/datasets (names, dtypes and the five default features). */
export function featuresOf(dataset: Dataset, hasVelocity: boolean, codec: VideoCodec): Record<string, Feature> {
  const { stateNames, actionNames, cameras, provenanceNames } = dataset;
  const vector = (names: readonly string[], dtype: ColumnType): Feature => ({ dtype, shape: [names.length], names });
  const stamps = ["step", ...cameras.map(({ name }) => name)];
  return {
    "observation.state": vector(stateNames, "float32"),
    ...(hasVelocity ? { [VELOCITY_FEATURE]: vector(stateNames, "float32") } : {}),
    action: vector(actionNames, "float32"),
    ...Object.fromEntries(
      cameras.map(({ name, width, height }) => [videoKey(name), videoFeature(dataset.rateHz, width, height, codec)]),
    ),
    [STAMP_FEATURE]: vector(stamps, "int64"),
    "next.reward": scalar("float32"),
    "next.done": scalar("bool"),
    "next.truncated": scalar("bool"),
    "next.success": scalar("bool"),
    [INTERVENTION_FEATURE]: scalar("bool"),
    ...Object.fromEntries(provenanceNames.map((name) => [name, scalar("string")])),
    timestamp: scalar("float32"),
    frame_index: scalar("int64"),
    episode_index: scalar("int64"),
    index: scalar("int64"),
    task_index: scalar("int64"),
  };
}

function videoFeature(rateHz: number, width: number, height: number, codec: VideoCodec): Feature {
  const info = {
    "video.height": height,
    "video.width": width,
    "video.codec": codec,
    "video.pix_fmt": pixelFormat({ width, height }),
    "video.is_depth_map": false,
    "video.fps": Math.round(rateHz),
    "video.channels": 3,
    has_audio: false,
  };
  return { dtype: "video", shape: [height, width, 3], names: ["height", "width", "channels"], info };
}
