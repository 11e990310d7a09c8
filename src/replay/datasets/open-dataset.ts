import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pathExists } from "../../config/path-exists.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Dataset } from "./dataset.ts";
import { openFolderDataset } from "./folder-dataset.ts";
import { openLeRobotDataset } from "./lerobot-dataset.ts";
import { openReplayDataset } from "./replay-dataset.ts";

export interface OpenDatasetOptions {
  /** For formats without stamps. Units: hertz */
  readonly rateHz: number;
}

export type ForeignFormat = "lerobot" | "hdf5" | "folders";

/** @throws ERR_DATASET_UNREADABLE if nothing there is of a format that we read */
export async function detectFormat(path: string): Promise<ForeignFormat> {
  const kind = await stat(path).catch(() => undefined);
  if (kind?.isFile() && /\.(hdf5|h5)$/.test(path)) return "hdf5";
  if (kind?.isDirectory()) {
    if (await pathExists(join(path, "meta/info.json"))) return "lerobot";
    const names = await readdir(path);
    if (names.some((name) => /\.(hdf5|h5)$/.test(name))) return "hdf5";
    if (names.some((name) => /^episode/.test(name))) return "folders";
  }
  throw new LatentloopError(
    "ERR_DATASET_UNREADABLE",
    `Expected a LeRobot v3 data set, HDF5 files or folders of episodes at ${path}, but found none of them.`,
  );
}

export async function openDataset(path: string, options: OpenDatasetOptions): Promise<Dataset> {
  const format = await detectFormat(path);
  if (format === "lerobot") return openLeRobotDataset(path);
  if (format === "folders") return openFolderDataset(path, options);
  return (await import("./hdf5-dataset.ts")).openHdf5Dataset(path, options);
}

/** As `openDataset`, of our own bags too. */
export async function openAnyDataset(path: string, options: OpenDatasetOptions): Promise<Dataset> {
  return (await holdsBags(path)) ? openReplayDataset(path) : openDataset(path, options);
}

async function holdsBags(path: string): Promise<boolean> {
  const entries = await readdir(path, { recursive: true }).catch(() => []);
  return entries.some((name) => name.endsWith(".mcap"));
}
