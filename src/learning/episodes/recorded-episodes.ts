import type { EpisodeStore } from "./episode-store.ts";
import { type RecordedSpaces, ReplayReader, storeForManifest } from "./replay-reader.ts";

export interface RecordedEpisodesOptions {
  /** One in so many episodes is kept from training, for the gates; 0 keeps none. */
  readonly heldOutEvery?: number;
}

/** One episode in five judges, four teach. */
export const HELD_OUT_EVERY = 5;

/** Whether an episode judges and never teaches: hangs on nothing but its number in the replay. @param every 0 for none */
export function isHeldOut(number: number, every: number): boolean {
  return every > 0 && number % every === every - 1;
}

/** Room to begin with; it doubles when it is used up. */
const FIRST_FRAMES = 512;

/**
 * A replay folder as episodes to learn from and episodes to judge by, which grow while a recorder writes.
 *
 * Which episode goes where hangs on nothing but its number in the replay, and the same number of episodes gives the same
 * bytes in both stores: a run that knows how many it had can go on exactly.
 */
export class RecordedEpisodes {
  readonly training: EpisodeStore;
  readonly heldOut: EpisodeStore;
  readonly #reader: ReplayReader;
  readonly #heldOutEvery: number;
  #taken = 0;

  private constructor(reader: ReplayReader, spaces: RecordedSpaces, heldOutEvery: number) {
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
    return new RecordedEpisodes(await ReplayReader.open(replay, spaces), spaces, heldOutEvery);
  }

  /** Episodes looked at so far: those in both stores, and those that were left out for their rate. */
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
      const store = isHeldOut(this.#taken, this.#heldOutEvery) ? this.heldOut : this.training;
      await this.#reader.readInto(store, episodes[this.#taken]!);
      this.#taken++;
    }
    return this.#taken - before;
  }

  /** @throws ERR_REPLAY_EMPTY if there is no whole episode yet; ERR_REPLAY_MISMATCH if all come at another rate */
  requireSome(): void {
    this.#reader.requireSome(this.training, this.heldOut);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
