import { mkdir, statfs, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LatentloopError, messageOf } from "../core/errors.ts";
import type { Qos } from "../core/node.ts";
import { messageSchema, type RosType } from "../messages/index.ts";
import { type BagFile, createBagFile } from "./bag-file.ts";
import { bagMetadataYaml } from "./bag-metadata.ts";
import { McapFileWriter } from "./mcap-file-writer.ts";
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
  /** Opens the file; for tests of disks that fail. */
  readonly openFile?: (path: string) => Promise<BagFile>;
}

export interface RecordedTopic {
  readonly name: string;
  readonly type: RosType;
  /** Messages that the recording had to refuse. */
  readonly dropped: number;
  /** Units: nanoseconds on the ROS clock: when the message was received and when it was sent. */
  write(cdr: Uint8Array, receivedStampNs: bigint, sourceStampNs: bigint): void;
}

/**
 * One bag: a folder with an MCAP file and metadata.yaml, as `ros2 bag` has it.
 *
 * Writing never waits and never throws; when the disk is too slow messages are dropped and counted per topic, when it is
 * full or fails the recording ends early with everything written so far intact, and `stopped` says why.
 */
export class Recording {
  readonly folder: string;
  readonly #options: RecordingOptions;
  readonly #writer: McapFileWriter;
  readonly #fileName: string;
  readonly #topics: (RecordedTopic & { readonly channelId: number; readonly qos: string })[] = [];
  #diskFull: string | undefined;

  private constructor(options: RecordingOptions, writer: McapFileWriter, fileName: string) {
    this.folder = options.folder;
    this.#options = options;
    this.#writer = writer;
    this.#fileName = fileName;
  }

  /** @throws ERR_RECORDING if the folder exists already or cannot be written */
  static async begin(options: RecordingOptions): Promise<Recording> {
    const { folder, openFile = createBagFile } = options;
    const fileName = `${basename(folder)}_0.mcap`;
    try {
      const parent = dirname(folder);
      await mkdir(parent, { recursive: true });
      const shortage = await diskShortage(parent, options.minFreeBytes);
      if (shortage !== undefined) throw new Error(shortage);
      await mkdir(folder);
      const writer = await McapFileWriter.start(await openFile(join(folder, fileName)), options);
      return new Recording(options, writer, fileName);
    } catch (cause) {
      throw new LatentloopError(
        "ERR_RECORDING",
        `Expected to record into a new folder ${folder}: ${messageOf(cause)}.`,
        {
          cause,
          remedy: "Choose a folder that does not exist yet, on a disk with room.",
        },
      );
    }
  }

  /** Why nothing more is recorded, if so. */
  get stopped(): string | undefined {
    return this.#diskFull ?? this.#writer.failure;
  }

  get topics(): readonly RecordedTopic[] {
    return this.#topics;
  }

  get messageCount(): number {
    return Number(this.#writer.statistics.messageCount);
  }

  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  addTopic(name: string, type: RosType, qos: Qos): RecordedTopic {
    const profiles = offeredQosProfiles(qos);
    const channelId = this.#writer.addChannel({
      topic: name,
      type,
      schema: messageSchema(type),
      metadata: new Map([["offered_qos_profiles", profiles]]),
    });
    let dropped = 0;
    const topic = {
      name,
      type,
      channelId,
      qos: profiles,
      get dropped() {
        return dropped;
      },
      write: (cdr: Uint8Array, receivedStampNs: bigint, sourceStampNs: bigint) => {
        const taken =
          this.#diskFull === undefined && this.#writer.append(channelId, receivedStampNs, sourceStampNs, cdr);
        if (!taken) dropped++;
      },
    };
    this.#topics.push(topic);
    return topic;
  }

  /** Hands what there is to the file system; called often enough, a killed process loses no more than that time. */
  flush(): void {
    this.#writer.closeChunk();
  }

  /** Settles when everything so far is on the disk. */
  sync(): Promise<void> {
    return this.#writer.sync();
  }

  /** Stops the recording before the disk is full, while there is room for its index. */
  async checkDisk(): Promise<void> {
    this.#diskFull ??= await diskShortage(this.folder, this.#options.minFreeBytes);
  }

  /** Writes index and metadata.yaml, and closes. @throws ERR_RECORDING if not all that was asked for is in the bag */
  async end(): Promise<void> {
    this.#writer.closeChunk();
    this.#writer.addMetadata("rosbag2", { serialized_metadata: this.#metadata() });
    await this.#writer.end();
    try {
      await writeFile(join(this.folder, "metadata.yaml"), this.#metadata(), { flag: "wx", flush: true });
    } catch (cause) {
      this.#diskFull ??= messageOf(cause);
    }
    if (this.stopped === undefined) return;
    throw new LatentloopError("ERR_RECORDING", `The recording ${this.folder} ended early: ${this.stopped}.`, {
      remedy: "What was recorded before is intact. Free some space, then record again.",
    });
  }

  #metadata(): string {
    const { messageCount, messageStartTime, messageEndTime, channelMessageCounts } = this.#writer.statistics;
    return bagMetadataYaml({
      topics: this.#topics.map(({ name, type, channelId, qos }) => ({
        name,
        type,
        offeredQosProfiles: qos,
        messageCount: channelMessageCounts.get(channelId) ?? 0n,
      })),
      files: [{ path: this.#fileName, startNs: messageStartTime, endNs: messageEndTime, messageCount }],
      customData: this.#options.customData,
    });
  }
}

async function diskShortage(folder: string, minFreeBytes: number): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= minFreeBytes) return undefined;
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  return `the disk has only ${megabytes(freeBytes)} left, less than ${megabytes(minFreeBytes)}`;
}
