import { link, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { BagReader, holdsBag } from "./bag-reader.ts";
import { EPISODES_KEY, parseNumbers } from "./episode-numbers.ts";
import { isKept, readEpisodes } from "./episodes.ts";
import { isRunning, processMark } from "./process-mark.ts";
import { recoverBag } from "./recover.ts";

const LOCK = ".session.lock";

/**
 * A folder of bags that are recorded one after the other into one numbering of episodes.
 *
 * Opening it locks it for this process and makes whole what a killed recorder left.
 */
export class SessionFolder {
  readonly folder: string;
  /** Numbers of all finished episodes. */
  readonly finished: ReadonlySet<number>;
  /** Bags of a killed recorder that were made whole. */
  readonly recovered: readonly string[];

  private constructor(folder: string, finished: ReadonlySet<number>, recovered: readonly string[]) {
    this.folder = folder;
    this.finished = finished;
    this.recovered = recovered;
  }

  /**
   * @throws ERR_SESSION_BUSY while another process has it open
   * @throws ERR_EPISODE_NUMBER if two finished episodes have the same number
   * @throws those of `recoverBag` for a bag that cannot be made whole
   */
  static async open(folder: string): Promise<SessionFolder> {
    await lock(folder);
    try {
      const owners = new Map<number, string>();
      const recovered: string[] = [];
      for (const path of await bagsIn(folder)) {
        const { numbers, wasCut } = await finishedEpisodes(path);
        if (wasCut) recovered.push(path);
        for (const number of numbers) claim(owners, number, path);
      }
      return new SessionFolder(folder, new Set(owners.keys()), recovered);
    } catch (thrown) {
      await rm(join(folder, LOCK), { force: true });
      throw thrown;
    }
  }

  async close(): Promise<void> {
    await rm(join(this.folder, LOCK), { force: true });
  }
}

function claim(owners: Map<number, string>, number: number, path: string): void {
  const owner = owners.get(number);
  owners.set(number, path);
  if (owner === undefined) return;
  throw new LatentloopError(
    "ERR_EPISODE_NUMBER",
    `Expected every episode number once in a session but episode ${number} is in ${owner === path ? `${path} twice` : `${owner} and in ${path}`}.`,
    { remedy: "Move one of the two out of the session's folder, or record into another one." },
  );
}

async function finishedEpisodes(path: string): Promise<{ numbers: readonly number[]; wasCut: boolean }> {
  let bag = await BagReader.open(path);
  const listed = bag.customData[EPISODES_KEY];
  if (listed !== undefined && bag.metadataTrouble === undefined) {
    await bag.close();
    return { numbers: parseNumbers(listed), wasCut: false };
  }
  const wasCut = bag.files.some(({ hasIndex }) => !hasIndex);
  if (wasCut) {
    await bag.close();
    await recoverBag(path);
    bag = await BagReader.open(path);
  }
  try {
    const { episodes } = await readEpisodes(bag);
    return { numbers: episodes.filter(isKept).map(({ number }) => number), wasCut };
  } finally {
    await bag.close();
  }
}

async function bagsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  const checked = await Promise.all(folders.sort().map(async (path) => ((await holdsBag(path)) ? path : undefined)));
  return checked.filter((path) => path !== undefined);
}

async function lock(folder: string): Promise<void> {
  const path = join(folder, LOCK);
  // Written beside and linked, so that a lock is never there without its owner.
  const own = `${path}.${process.pid}`;
  try {
    await mkdir(folder, { recursive: true });
    const owner = await readFile(path, "utf8").catch(() => undefined);
    if (owner !== undefined && !(await isRunning(owner))) await rm(path, { force: true });
    await writeFile(own, `${await processMark(process.pid)}\n`);
    await link(own, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") {
      throw new LatentloopError("ERR_RECORDING", `Expected to record into ${folder}: ${messageOf(cause)}.`, { cause });
    }
    const [pid] = (await readFile(path, "utf8").catch(() => "")).split(" ");
    throw new LatentloopError(
      "ERR_SESSION_BUSY",
      `Expected nobody else to record into ${folder} but process ${pid?.trim()} does.`,
      { remedy: "Stop it, or record into another folder." },
    );
  } finally {
    await rm(own, { force: true }).catch(() => {});
  }
}
