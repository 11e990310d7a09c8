import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LatentloopError, messageOf } from "../core/errors.ts";
import type { Qos } from "../core/node.ts";
import { deserializeMessage, EPISODE_KIND, messageSchema, type RosType } from "../messages/index.ts";
import { type BagFile, createBagFile, lazyBagFile } from "./bag-file.ts";
import { bagMetadataYaml, NOTES_RECORD, noteDrops } from "./bag-metadata.ts";
import { type Compression, loadCompression } from "./chunk-compression.ts";
import { diskShortage } from "./disk-shortage.ts";
import { EPISODES_KEY, formatNumbers } from "./episode-numbers.ts";
import { EPISODE_TYPE } from "./episodes.ts";
import { McapFileWriter, type McapFileWriterOptions } from "./mcap-file-writer.ts";
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

interface Topic extends RecordedTopic {
  readonly channelId: number;
  readonly qos: string;
}

/** One file of the bag; `writer` keeps its figures after it has ended. */
interface Part {
  readonly name: string;
  readonly writer: McapFileWriter;
  /** Receive stamp of its first message. */
  startNs?: bigint;
}

/** Where a split may happen in the middle of an episode: so many times the measure. */
const TORN_AT = 2;
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
  readonly #writerOptions: McapFileWriterOptions;
  readonly #parts: Part[] = [];
  readonly #topics: Topic[] = [];
  /** Files that are being closed; settles when they are, and never fails. */
  #closing: Promise<unknown> = Promise.resolve();
  #inEpisode = false;
  readonly #finishedEpisodes = new Set<number>();
  #overflowing = false;
  #notedDrops = 0;
  #failure: string | undefined;

  private constructor(options: RecordingOptions, writerOptions: McapFileWriterOptions) {
    this.folder = options.folder;
    this.#options = options;
    this.#writerOptions = writerOptions;
  }

  /** @throws ERR_RECORDING if the folder exists already or cannot be written */
  static async begin(options: RecordingOptions): Promise<Recording> {
    const { folder, chunkBytes, maxPendingBytes, minFreeBytes, compression = "none" } = options;
    try {
      const parent = dirname(folder);
      await mkdir(parent, { recursive: true });
      const shortage = await diskShortage(parent, minFreeBytes);
      if (shortage !== undefined) throw new Error(shortage);
      await mkdir(folder);
      const compress = await loadCompression(compression);
      const recording = new Recording(options, { chunkBytes, maxPendingBytes, compress });
      const writer = recording.#openPart();
      await writer.sync();
      if (writer.failure !== undefined) throw new Error(writer.failure);
      return recording;
    } catch (cause) {
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
    return this.#failure ?? this.#parts.find(({ writer }) => writer.failure !== undefined)?.writer.failure;
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
    return this.#parts.reduce((sum, { writer }) => sum + Number(writer.statistics.messageCount), 0);
  }

  /** Bytes of messages that the disk has not taken yet. */
  get pendingBytes(): number {
    return this.#parts.reduce((sum, { writer }) => sum + writer.pendingBytes, 0);
  }

  addTopic(name: string, type: RosType, qos: Qos): RecordedTopic {
    const profiles = offeredQosProfiles(qos);
    const channelId = this.#announce(name, type, profiles, this.#part.writer);
    const parts = this.#parts;
    let refused = 0;
    const topic: Topic = {
      name,
      type,
      channelId,
      qos: profiles,
      get dropped() {
        return parts.reduce((sum, { writer }) => sum + (writer.lost.get(channelId) ?? 0), refused);
      },
      write: (cdr, receivedStampNs, sourceStampNs) => {
        if (!this.#append(topic, cdr, receivedStampNs, sourceStampNs)) refused++;
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
    this.#part.writer.closeChunk();
  }

  /** Settles when everything so far is on the disk. */
  async sync(): Promise<void> {
    await Promise.all([this.#part.writer.sync(), this.#closing]);
  }

  /** Stops the recording before the disk is full, while there is room for its index. */
  async checkDisk(): Promise<void> {
    this.#failure ??= await diskShortage(this.folder, this.#options.minFreeBytes);
  }

  /** Writes index and metadata.yaml, and closes. @throws ERR_RECORDING if not all that was asked for is in the bag */
  async end(): Promise<void> {
    this.#closePart();
    await this.#closing;
    try {
      await writeFile(join(this.folder, "metadata.yaml"), this.#metadata(), { flag: "wx", flush: true });
    } catch (cause) {
      this.#failure ??= messageOf(cause);
    }
    if (this.stopped === undefined) return;
    throw new LatentloopError("ERR_RECORDING", `The recording ${this.folder} ended early: ${this.stopped}.`, {
      remedy: "What was recorded before is intact. Free some space, then record again.",
    });
  }

  get #part(): Part {
    return this.#parts.at(-1)!;
  }

  #append(topic: Topic, cdr: Uint8Array, receivedStampNs: bigint, sourceStampNs: bigint): boolean {
    if (this.stopped !== undefined) return false;
    // All files together: one that is being closed may still wait for the disk.
    if (this.pendingBytes + cdr.length > this.#options.maxPendingBytes) {
      this.#overflowing = true;
      return false;
    }
    if (this.#isFull(receivedStampNs)) {
      this.#closePart();
      this.#openPart();
    }
    this.#part.startNs ??= receivedStampNs;
    return this.#part.writer.append(topic.channelId, receivedStampNs, sourceStampNs, cdr);
  }

  /** Whether the next message belongs into another file. */
  #isFull(receivedStampNs: bigint): boolean {
    const { splitBytes = Number.POSITIVE_INFINITY, splitNs } = this.#options;
    const { startNs, writer } = this.#part;
    if (startNs === undefined) return false;
    const age = splitNs === undefined ? 0 : Number(receivedStampNs - startNs) / Number(splitNs);
    return Math.max(writer.bytes / splitBytes, age) >= (this.#inEpisode ? TORN_AT : 1);
  }

  #follow(cdr: Uint8Array): void {
    const { kind, episode } = deserializeMessage(EPISODE_TYPE, cdr);
    this.#inEpisode = kind === EPISODE_KIND.begin || kind === EPISODE_KIND.step;
    if (kind === EPISODE_KIND.end) this.#finishedEpisodes.add(episode);
    else if (kind === EPISODE_KIND.discard) this.#finishedEpisodes.delete(episode);
    if (this.#inEpisode) return;
    this.#note();
    void this.sync();
  }

  #openPart(): McapFileWriter {
    const { folder, openFile = createBagFile, customData } = this.#options;
    const name = `${basename(folder)}_${this.#parts.length}.mcap`;
    const file = lazyBagFile(() => openFile(join(folder, name)));
    const writer = new McapFileWriter(file, this.#writerOptions);
    this.#parts.push({ name, writer });
    writer.addMetadata(NOTES_RECORD, () => customData);
    // In the same order in every file, so that a topic keeps its channel.
    for (const topic of this.#topics) this.#announce(topic.name, topic.type, topic.qos, writer);
    return writer;
  }

  #closePart(): void {
    const { writer } = this.#part;
    writer.closeChunk();
    this.#note();
    writer.addMetadata("rosbag2", () => ({ serialized_metadata: this.#metadata() }));
    this.#closing = Promise.all([this.#closing, writer.end()]);
  }

  #announce(topic: string, type: RosType, qos: string, writer: McapFileWriter): number {
    const metadata = new Map([["offered_qos_profiles", qos]]);
    return writer.addChannel({ topic, type, schema: messageSchema(type), metadata });
  }

  /** Puts the drops into the file, if there are new ones: a process that is killed writes no metadata.yaml. */
  #note(): void {
    const drops = this.#topics.reduce((sum, { dropped }) => sum + dropped, 0);
    if (drops === this.#notedDrops) return;
    this.#notedDrops = drops;
    this.#part.writer.addMetadata(NOTES_RECORD, () => this.#customData());
  }

  #customData(): Record<string, string> {
    return { ...this.#options.customData, ...noteDrops(this.#topics) };
  }

  #metadata(): string {
    const hasEpisodes = this.#topics.some(({ type }) => type === EPISODE_TYPE);
    const episodes = hasEpisodes && { [EPISODES_KEY]: formatNumbers(this.#finishedEpisodes) };
    const parts = this.#parts.map(({ name, writer }) => ({ name, ...writer.statistics }));
    const countOf = (channelId: number) =>
      parts.reduce((sum, { channelMessageCounts }) => sum + (channelMessageCounts.get(channelId) ?? 0n), 0n);
    return bagMetadataYaml({
      topics: this.#topics.map(({ name, type, channelId, qos }) => ({
        name,
        type,
        offeredQosProfiles: qos,
        messageCount: countOf(channelId),
      })),
      files: parts.map(({ name, messageStartTime, messageEndTime, messageCount }) => ({
        path: name,
        startNs: messageStartTime,
        endNs: messageEndTime,
        messageCount,
      })),
      customData: { ...this.#customData(), ...episodes },
    });
  }
}
