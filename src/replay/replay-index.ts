import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { calibrationHash } from "../cameras/index.ts";
import type { CameraModel } from "../core/camera.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { partitionPoint } from "../math/partition-point.ts";
import { readCalibration } from "./bag-calibration.ts";
import { BagReader, holdsBag } from "./bag-reader.ts";
import { type EpisodeTable, EpisodeTables, type ImagePlace, type LeftOutEpisode, tableOf } from "./episode-table.ts";
import { isUsable } from "./episodes.ts";
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
 * end, so that a frame keeps its number. A finished bag is read once: its tables are stored in its folder. An episode in which
 * the robot's driver or its control loop stood still is left out.
 */
export class ReplayIndex {
  readonly #root: string;
  readonly #known = new Set<string>();
  readonly #growing = new Map<string, GrowingBag>();
  readonly #episodes: IndexedEpisode[] = [];
  readonly #leftOut: LeftOutEpisode[] = [];

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

  get leftOut(): readonly LeftOutEpisode[] {
    return this.#leftOut;
  }

  get frames(): number {
    const last = this.#episodes.at(-1);
    return last === undefined ? 0 : last.firstFrame + last.frames;
  }

  /** Cameras that every episode has; in some it may have a gap (`gaps` of the table), but not in all. */
  get cameras(): string[] {
    const tables = this.#episodes.map(({ table }) => table);
    const names = new Set(tables.flatMap(({ images }) => Object.keys(images)));
    return [...names].filter((name) => tables.every(({ images, gaps }) => name in images || name in gaps));
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
    for (const table of stored?.tables ?? []) this.#add(table);
    this.#leftOut.push(...(stored?.leftOut ?? []));
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
      if (!isUsable(episode)) continue;
      const table = tableOf(tables, episode);
      if ("why" in table) this.#leftOut.push(table);
      else this.#add(table);
    }
    if (!finished) return;
    // Not those that were added: some may have been discarded since.
    const results = episodes.filter(isUsable).map((episode) => tableOf(tables, episode));
    await writeStoredIndex(path, {
      tables: results.filter((result) => "stampsNs" in result),
      leftOut: results.filter((result) => "why" in result),
    });
    this.#growing.delete(path);
    await tables.bag.close();
  }

  #add(table: EpisodeTable): void {
    const first = this.#episodes[0]?.table;
    if (first !== undefined && first.actionNames.join() !== table.actionNames.join()) {
      throw otherRobot("actions", table.bag, first.actionNames, table.actionNames);
    }
    const added = first === undefined ? table : withJointsOf(first.jointNames, table);
    this.#episodes.push({ table: added, firstFrame: this.frames, frames: table.stampsNs.length });
  }
}

/** A table with these joints in this order, and no others. @throws ERR_BAG_TOPIC if it lacks one */
function withJointsOf(jointNames: readonly string[], table: EpisodeTable): EpisodeTable {
  if (jointNames.join() === table.jointNames.join()) return table;
  const columns = jointNames.map((name) => table.jointNames.indexOf(name));
  if (columns.includes(-1)) throw otherRobot("joints", table.bag, jointNames, table.jointNames);
  const width = table.jointNames.length;
  const pick = (values: Float64Array) =>
    Float64Array.from({ length: (values.length / width) * columns.length }, (_, i) => {
      const row = Math.floor(i / columns.length);
      return values[row * width + columns[i % columns.length]!]!;
    });
  return { ...table, jointNames, position: pick(table.position), velocity: pick(table.velocity) };
}

function otherRobot(what: string, bag: string, expected: readonly string[], found: readonly string[]): LatentloopError {
  return new LatentloopError(
    "ERR_BAG_TOPIC",
    `Expected the ${what} ${expected.join(", ")} in ${bag} but it has ${found.join(", ")}.`,
    { remedy: "Put recordings of another robot into another folder." },
  );
}

/** Bag folders at or below a folder, in the order of their names; those in which nothing was written yet do not count. */
async function findBags(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    if (await holdsBag(root)) return [root];
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
    return (await Promise.all(folders.sort().map(findBags))).flat();
  } catch (cause) {
    throw new LatentloopError("ERR_BAG_UNREADABLE", `Expected a folder of bags at ${root}: ${messageOf(cause)}.`, {
      cause,
    });
  }
}
