import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LatentloopError, messageOf } from "../core/errors.ts";
import type { Qos } from "../core/node.ts";
import { deserializeMessage, EPISODE_KIND, type RosType } from "../messages/index.ts";
import { type BagFile, createBagFile } from "./bag-file.ts";
import { noteDrops } from "./bag-metadata.ts";
import { BagParts } from "./bag-parts.ts";
import { type CompressChunk, type Compression, loadCompression } from "./chunk-compression.ts";
import { diskShortage } from "./disk-shortage.ts";
import { EPISODES_KEY, formatNumbers } from "./episode-numbers.ts";
import { EPISODE_TYPE } from "./episodes.ts";
import { offeredQosProfiles } from "./offered-qos.ts";

export interface RecordingOptions {
  /** A folder that does not exist yet: the bag. */
  readonly folder: string;
  readonly chunkBytes: number;
  readonly maxPendingBytes: number;
  /** Recording stops before the disk has less than this. */
  readonly minFreeBytes: number;
  /** Session, hashes of model and calibration: what a reader should know. */
  readonly customData: Readonly<Record<string, string>>;
  readonly compression?: Compression;
  /**
   * A file that has become so large or so old is followed by another, between two episodes; inside of one only at twice the
   * measure. Default: one file. Units: bytes of the file; nanoseconds between receive stamps
   */
  readonly splitBytes?: number;
  readonly splitNs?: bigint;
  /** Opens a file; for tests of disks that fail. */
  readonly openFile?: (path: string) => Promise<BagFile>;
}

export interface RecordedTopic {
  readonly name: string;
  readonly type: RosType;
  /** Messages that are not in the recording though they should be. */
  readonly dropped: number;
  /** Units: nanoseconds on the ROS clock: when the message was received and when it was sent. */
  write(cdr: Uint8Array, receivedStampNs: bigint, sourceStampNs: bigint): void;
  /** Counts messages as dropped that were lost on the way here. */
  lose(messages: number): void;
}

/** Messages are taken as complete again once so much of the memory is free. */
const CAUGHT_UP = 0.5;

/**
 * One bag: a folder with MCAP files and metadata.yaml, as `ros2 bag` has it.
 *
 * Writing never waits and never throws; when the disk is too slow messages are dropped and counted per topic, when it is
 * full or fails the recording ends early with everything written so far intact, and `stopped` says why. The end of an
 * episode is put on the disk at once (fsync).
 */
export class Recording {
  readonly folder: string;
  readonly #options: RecordingOptions;
  readonly #parts: BagParts;
  readonly #topics: RecordedTopic[] = [];
  readonly #finishedEpisodes = new Set<number>();
  #overflowing = false;
  #notedDrops = 0;
  #failure: string | undefined;

  private constructor(options: RecordingOptions, compress: CompressChunk) {
    const { folder, chunkBytes, maxPendingBytes, openFile = createBagFile, splitBytes, splitNs } = options;
    this.folder = folder;
    this.#options = options;
    this.#parts = new BagParts({
      folder,
      openFile,
      writer: { chunkBytes, maxPendingBytes, compress },
      notes: () => this.#notes(),
      customData: () => ({ ...this.#notes(), ...this.#episodes() }),
      ...(splitBytes === undefined ? {} : { splitBytes }),
      ...(splitNs === undefined ? {} : { splitNs }),
    });
  }

  /** @throws ERR_RECORDING if the folder exists already or cannot be written; nothing of it is left then */
  static async begin(options: RecordingOptions): Promise<Recording> {
    const { folder, minFreeBytes, compression = "none" } = options;
    let made = false;
    let recording: Recording | undefined;
    try {
      const parent = dirname(folder);
      await mkdir(parent, { recursive: true });
      const shortage = await diskShortage(parent, minFreeBytes);
      if (shortage !== undefined) throw new Error(shortage);
      await mkdir(folder);
      made = true;
      recording = new Recording(options, await loadCompression(compression));
      await recording.sync();
      if (recording.stopped !== undefined) throw new Error(recording.stopped);
      return recording;
    } catch (cause) {
      if (recording !== undefined) await recording.#parts.end();
      if (made) await rm(folder, { recursive: true, force: true }).catch(() => {});
      throw new LatentloopError(
        "ERR_RECORDING",
        `Expected to record into a new folder ${folder}: ${messageOf(cause)}.`,
        {
          cause,
          remedy: "Choose a folder that does not exist yet, on a disk with room, where you may write.",
        },
      );
    }
  }

  /** Why nothing more is recorded, if so. */
  get stopped(): string | undefined {
    return this.#failure ?? this.#parts.failure;
  }

  /** Whether messages are being dropped: the disk is too slow, and has not caught up yet. */
  get overflowing(): boolean {
    this.#overflowing &&= this.pendingBytes > CAUGHT_UP * this.#options.maxPendingBytes;
    return this.#overflowing;
  }

  get topics(): readonly RecordedTopic[] {
    return this.#topics;
  }

  get messageCount(): number {
    return this.#parts.messageCount;
  }

  /** Bytes of messages that the disk has not taken yet. */
  get pendingBytes(): number {
    return this.#parts.pendingBytes;
  }

  addTopic(name: string, type: RosType, qos: Qos): RecordedTopic {
    const parts = this.#parts;
    const channelId = parts.addChannel(name, type, offeredQosProfiles(qos));
    let refused = 0;
    const topic: RecordedTopic = {
      name,
      type,
      get dropped() {
        return refused + parts.lostOf(channelId);
      },
      write: (cdr, receivedStampNs, sourceStampNs) => {
        if (!this.#append(channelId, cdr, receivedStampNs, sourceStampNs)) refused++;
        if (type === EPISODE_TYPE) this.#follow(cdr);
      },
      lose(messages) {
        refused += messages;
      },
    };
    this.#topics.push(topic);
    return topic;
  }

  /** Hands what there is to the file system; called often enough, a killed process loses no more than that time. */
  flush(): void {
    this.#parts.closeChunk();
  }

  /** Settles when everything so far is on the disk. */
  sync(): Promise<void> {
    return this.#parts.sync();
  }

  /** Stops the recording before the disk is full, while there is room for its index. */
  async checkDisk(): Promise<void> {
    this.#failure ??= await diskShortage(this.folder, this.#options.minFreeBytes);
  }

  /** Writes index and metadata.yaml, and closes. @throws ERR_RECORDING if not all that was asked for is in the bag */
  async end(): Promise<void> {
    this.#noteDrops();
    await this.#parts.end();
    try {
      await writeFile(join(this.folder, "metadata.yaml"), this.#parts.metadata(), { flag: "wx", flush: true });
    } catch (cause) {
      this.#failure ??= messageOf(cause);
    }
    if (this.stopped === undefined) return;
    throw new LatentloopError("ERR_RECORDING", `The recording ${this.folder} ended early: ${this.stopped}.`, {
      remedy: "What was recorded before is intact. Free some space, then record again.",
    });
  }

  #append(channelId: number, cdr: Uint8Array, receivedStampNs: bigint, sourceStampNs: bigint): boolean {
    if (this.stopped !== undefined) return false;
    if (this.pendingBytes + cdr.length > this.#options.maxPendingBytes) {
      this.#overflowing = true;
      return false;
    }
    return this.#parts.append(channelId, cdr, receivedStampNs, sourceStampNs);
  }

  #follow(cdr: Uint8Array): void {
    const { kind, episode } = deserializeMessage(EPISODE_TYPE, cdr);
    this.#parts.inEpisode = kind === EPISODE_KIND.begin || kind === EPISODE_KIND.step;
    if (kind === EPISODE_KIND.end) this.#finishedEpisodes.add(episode);
    else if (kind === EPISODE_KIND.discard) this.#finishedEpisodes.delete(episode);
    if (this.#parts.inEpisode) return;
    this.#noteDrops();
    void this.sync();
  }

  #notes(): Record<string, string> {
    return { ...this.#options.customData, ...noteDrops(this.#topics) };
  }

  /** What was finished by the events in the bag. Where one is missing nothing is said: readers count from the messages then. */
  #episodes(): Record<string, string> {
    const topics = this.#topics.filter(({ type }) => type === EPISODE_TYPE);
    const isWhole = topics.length > 0 && topics.every(({ dropped }) => dropped === 0);
    return isWhole ? { [EPISODES_KEY]: formatNumbers(this.#finishedEpisodes) } : {};
  }

  /** Puts the drops into the file, if there are new ones. */
  #noteDrops(): void {
    const drops = this.#topics.reduce((sum, { dropped }) => sum + dropped, 0);
    if (drops === this.#notedDrops) return;
    this.#notedDrops = drops;
    this.#parts.note();
  }
}
