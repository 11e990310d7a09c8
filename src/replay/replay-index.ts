import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { calibrationHash } from "../cameras/index.ts";
import type { CameraModel } from "../core/camera.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { partitionPoint } from "../math/partition-point.ts";
import { readCalibration } from "./bag-calibration.ts";
import { BagReader } from "./bag-reader.ts";
import { type EpisodeTable, EpisodeTables, type ImagePlace } from "./episode-table.ts";
import { type Episode, isKept } from "./episodes.ts";
import { readStoredIndex, writeStoredIndex } from "./stored-index.ts";

/** An episode's place in the stream of all frames. */
export interface IndexedEpisode {
  readonly table: EpisodeTable;
  readonly firstFrame: number;
  /** Rows of the table: its steps and one more. */
  readonly frames: number;
}

/** A bag that is not finished, or was not when it was read. */
interface GrowingBag {
  readonly tables: EpisodeTables;
  /** Episodes of the bag that were looked at. */
  taken: number;
}

/**
 * The closed episodes of many bags as one stream of frames, numbered from 0 without gaps.
 *
 * Bags are taken in the order of their names, which begin with the time of recording. `refresh` puts new episodes at the
 * end, so that a frame keeps its number. A finished bag is read once: its tables are stored in its folder.
 */
export class ReplayIndex {
  readonly #root: string;
  readonly #known = new Set<string>();
  readonly #growing = new Map<string, GrowingBag>();
  readonly #episodes: IndexedEpisode[] = [];

  private constructor(root: string) {
    this.#root = root;
  }

  /** @throws ERR_BAG_UNREADABLE if there is no bag at `root` or in the folders below it */
  static async open(root: string): Promise<ReplayIndex> {
    const index = new ReplayIndex(root);
    try {
      await index.refresh();
    } catch (error) {
      await index.close();
      throw error;
    }
    if (index.#known.size > 0) return index;
    throw new LatentloopError("ERR_BAG_UNREADABLE", `Expected bags in ${root} but found no .mcap file.`);
  }

  get episodes(): readonly IndexedEpisode[] {
    return this.#episodes;
  }

  get frames(): number {
    const last = this.#episodes.at(-1);
    return last === undefined ? 0 : last.firstFrame + last.frames;
  }

  /** Cameras that every episode has. */
  get cameras(): string[] {
    const [first, ...rest] = this.#episodes;
    const names = Object.keys(first?.table.images ?? {});
    return names.filter((name) => rest.every(({ table }) => Object.hasOwn(table.images, name)));
  }

  /** Takes in episodes that ended since, in bags known and new; returns how many. */
  async refresh(): Promise<number> {
    const before = this.#episodes.length;
    for (const path of await findBags(this.#root)) {
      if (!this.#known.has(path)) await this.#meet(path);
      const bag = this.#growing.get(path);
      if (bag !== undefined) await this.#advance(path, bag);
    }
    return this.#episodes.length - before;
  }

  /** Index of the episode that a frame belongs to. */
  episodeAt(frame: number): number {
    return partitionPoint(this.#episodes.length, (i) => this.#episodes[i]!.firstFrame <= frame) - 1;
  }

  imagePlace(camera: string, frame: number): ImagePlace {
    const { table, firstFrame } = this.#episodes[this.episodeAt(frame)]!;
    return table.images[camera]![frame - firstFrame]!.value;
  }

  /** What a camera's calibration was in each bag that holds one. */
  async calibrations(camera: string): Promise<{ readonly bag: string; readonly model: CameraModel; hash: string }[]> {
    const found = [];
    for (const path of this.#known) {
      const bag = await BagReader.open(path);
      try {
        const model = await readCalibration(bag, camera);
        if (model) found.push({ bag: path, model, hash: calibrationHash(model) });
      } finally {
        await bag.close();
      }
    }
    return found;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#growing.values()].map(({ tables }) => tables.bag.close()));
    this.#growing.clear();
  }

  async #meet(path: string): Promise<void> {
    const stored = await readStoredIndex(path);
    if (stored === undefined) {
      this.#growing.set(path, { tables: new EpisodeTables(await BagReader.open(path)), taken: 0 });
    }
    this.#known.add(path);
    for (const table of stored ?? []) this.#add(table);
  }

  async #advance(path: string, bag: GrowingBag): Promise<void> {
    const { tables } = bag;
    await tables.bag.refresh();
    const finished = await tables.bag.isFinished();
    await tables.advance();
    const { episodes } = tables;
    for (const episode of episodes.slice(bag.taken)) {
      // The last one may still be going on; one before it has lost its end for good.
      if (!episode.closed && !episode.discarded && episode === episodes.at(-1)) break;
      bag.taken++;
      if (isUsable(episode)) this.#add(tables.table(episode));
    }
    if (!finished) return;
    // Not those that were added: some may have been discarded since.
    await writeStoredIndex(
      path,
      episodes.filter(isUsable).map((episode) => tables.table(episode)),
    );
    this.#growing.delete(path);
    await tables.bag.close();
  }

  #add(table: EpisodeTable): void {
    const [first] = this.#episodes;
    const same = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((n, i) => n === b[i]);
    if (first !== undefined && !same(first.table.actionNames, table.actionNames)) {
      throw new LatentloopError(
        "ERR_BAG_TOPIC",
        `Expected the actions ${first.table.actionNames.join(", ")} in ${table.bag} but it has ${table.actionNames.join(", ")}.`,
        { remedy: "Put recordings of another robot into another folder." },
      );
    }
    this.#episodes.push({ table, firstFrame: this.frames, frames: table.stampsNs.length });
  }
}

/** Whether it counts and has a step to learn from. */
function isUsable(episode: Episode): boolean {
  return isKept(episode) && episode.steps.length > 1;
}

/** Bag folders at or below a folder, in the order of their names. */
async function findBags(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    if (entries.some((entry) => entry.isFile() && entry.name.endsWith(".mcap"))) return [root];
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
    return (await Promise.all(folders.sort().map(findBags))).flat();
  } catch (cause) {
    throw new LatentloopError("ERR_BAG_UNREADABLE", `Expected a folder of bags at ${root}: ${messageOf(cause)}.`, {
      cause,
    });
  }
}
