import { createHash } from "node:crypto";
import { basename, resolve } from "node:path";
import type { IndexedEpisode } from "../../replay/replay-index.ts";
import type { EpisodeStore } from "./episode-store.ts";
import { type RecordedSpaces, ReplayReader, storeForManifest } from "./replay-reader.ts";
import { isScored, requireScored } from "./scored-episodes.ts";

export interface RecordedEpisodesOptions {
  /** One in so many episodes is kept from training, for the gates; 0 keeps none. */
  readonly heldOutEvery?: number;
}

/** One episode in five judges, four teach. */
export const HELD_OUT_EVERY = 5;

/**
 * Whether an episode judges and never teaches: one in so many of each bag, by nothing but the bag's name and the episode's
 * number in it, so that it stays so when others are discarded or their bags removed.
 * @param every 0 for none
 */
export function isHeldOut({ table: { bag, episode } }: IndexedEpisode, every: number): boolean {
  if (every === 0) return false;
  const shift = createHash("sha256")
    .update(basename(resolve(bag)))
    .digest()
    .readUInt32BE(0); // or short bags would have none
  return (shift + episode.number) % every === every - 1;
}

/** Room to begin with; it doubles when it is used up. */
const FIRST_FRAMES = 512;

/**
 * A replay folder as episodes to learn from and episodes to judge by, which grow while a recorder writes.
 *
 * Episodes that nobody scored are left out. Which of the others goes where hangs on the episode alone, and the same number of
 * episodes gives the same bytes in both stores: a run that knows how many it had can go on exactly.
 */
export class RecordedEpisodes {
  readonly training: EpisodeStore;
  readonly heldOut: EpisodeStore;
  readonly #replay: string;
  readonly #reader: ReplayReader;
  readonly #heldOutEvery: number;
  #taken = 0;

  private constructor(replay: string, reader: ReplayReader, spaces: RecordedSpaces, heldOutEvery: number) {
    this.#replay = replay;
    this.#reader = reader;
    this.#heldOutEvery = heldOutEvery;
    this.training = storeForManifest(spaces, FIRST_FRAMES);
    this.heldOut = storeForManifest(spaces, FIRST_FRAMES);
  }

  /**
   * Opens a bag or a folder of bags; `refresh` takes in the episodes.
   * @throws ERR_BAG_UNREADABLE if there is no bag yet; ERR_REPLAY_MISMATCH
   */
  static async open(
    replay: string,
    spaces: RecordedSpaces,
    { heldOutEvery = HELD_OUT_EVERY }: RecordedEpisodesOptions = {},
  ): Promise<RecordedEpisodes> {
    return new RecordedEpisodes(replay, await ReplayReader.open(replay, spaces), spaces, heldOutEvery);
  }

  /** Episodes looked at so far: those in both stores, and those that were left out. */
  get taken(): number {
    return this.#taken;
  }

  /** When the newest episode ended, on the ROS clock; undefined before the first. */
  get newestStampNs(): bigint | undefined {
    return this.#taken === 0 ? undefined : this.#reader.index.episodes[this.#taken - 1]!.table.stampsNs.at(-1);
  }

  /**
   * Takes in the episodes that ended since, up to so many altogether, and returns how many.
   * @throws ERR_REPLAY_MISMATCH if one is not of the model's task, robot and cameras; those before it are in
   */
  async refresh(upTo = Number.POSITIVE_INFINITY): Promise<number> {
    const before = this.#taken;
    if (this.#reader.index.episodes.length < upTo) await this.#reader.index.refresh();
    const { episodes } = this.#reader.index;
    while (this.#taken < Math.min(upTo, episodes.length)) {
      const episode = episodes[this.#taken]!;
      const store = isHeldOut(episode, this.#heldOutEvery) ? this.heldOut : this.training;
      if (isScored(episode)) await this.#reader.readInto(store, episode);
      this.#taken++;
    }
    return this.#taken - before;
  }

  /**
   * @throws ERR_REPLAY_EMPTY if there is no whole episode yet; ERR_REPLAY_UNSCORED if nobody scored any; ERR_REPLAY_MISMATCH if
   * all come at another rate
   */
  requireSome(): void {
    requireScored(this.#reader.index.episodes.slice(0, this.#taken), this.#replay);
    this.#reader.requireSome(this.training, this.heldOut);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
