import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { calibrationHash } from "../cameras/index.ts";
import type { CameraModel } from "../core/camera.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { readCalibration } from "./bag-calibration.ts";
import { BagReader } from "./bag-reader.ts";
import { type EpisodeTable, EpisodeTables, type ImagePlace } from "./episode-table.ts";
import { isKept } from "./episodes.ts";

/** An episode's place in the stream of all frames. */
export interface IndexedEpisode {
  readonly table: EpisodeTable;
  readonly firstFrame: number;
  /** Rows of the table: its steps and one more. */
  readonly frames: number;
}

interface IndexedBag {
  readonly tables: EpisodeTables;
  /** Episodes of the bag that are in the index. */
  taken: number;
}

/**
 * The closed episodes of many bags as one stream of frames, numbered from 0 without gaps.
 *
 * Bags are taken in the order of their names, which begin with the time of recording. `refresh` puts new episodes at the
 * end, so that a frame keeps its number.
 */
export class ReplayIndex {
  readonly #root: string;
  readonly #bags = new Map<string, IndexedBag>();
  readonly #episodes: IndexedEpisode[] = [];

  private constructor(root: string) {
    this.#root = root;
  }

  /** @throws ERR_BAG_UNREADABLE if there is no bag at `root` or in the folders below it */
  static async open(root: string): Promise<ReplayIndex> {
    const index = new ReplayIndex(root);
    await index.refresh();
    if (index.#bags.size === 0) {
      throw new LatentloopError("ERR_BAG_UNREADABLE", `Expected bags in ${root} but found no .mcap file.`);
    }
    return index;
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
    for (const path of await findBags(this.#root)) {
      if (this.#bags.has(path)) continue;
      this.#bags.set(path, { tables: new EpisodeTables(await BagReader.open(path)), taken: 0 });
    }
    const before = this.#episodes.length;
    for (const bag of this.#bags.values()) {
      await bag.tables.bag.refresh();
      await bag.tables.advance();
      const { episodes } = bag.tables;
      for (const episode of episodes.slice(bag.taken)) {
        // The last one may still be going on; one before it has lost its end for good.
        if (!episode.closed && !episode.discarded && episode === episodes.at(-1)) break;
        bag.taken++;
        if (isKept(episode) && episode.steps.length > 1) this.#add(bag.tables.table(episode));
      }
    }
    return this.#episodes.length - before;
  }

  /** Index of the episode that a frame belongs to. */
  episodeAt(frame: number): number {
    let [low, high] = [0, this.#episodes.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#episodes[middle]!.firstFrame <= frame) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  imagePlace(camera: string, frame: number): ImagePlace {
    const { table, firstFrame } = this.#episodes[this.episodeAt(frame)]!;
    return table.images[camera]![frame - firstFrame]!.value;
  }

  /** What a camera's calibration was in each bag that holds one. */
  async calibrations(camera: string): Promise<{ readonly bag: string; readonly model: CameraModel; hash: string }[]> {
    const found = [];
    for (const [bag, { tables }] of this.#bags) {
      const model = await readCalibration(tables.bag, camera);
      if (model) found.push({ bag, model, hash: calibrationHash(model) });
    }
    return found;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#bags.values()].map(({ tables }) => tables.bag.close()));
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
