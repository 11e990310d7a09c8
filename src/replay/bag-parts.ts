import { basename, join } from "node:path";
import { messageSchema, type RosType } from "../messages/index.ts";
import { type BagFile, lazyBagFile } from "./bag-file.ts";
import { bagMetadataYaml, NOTES_RECORD } from "./bag-metadata.ts";
import { McapFileWriter, type McapFileWriterOptions } from "./mcap-file-writer.ts";

export interface BagPartsOptions {
  readonly folder: string;
  readonly openFile: (path: string) => Promise<BagFile>;
  readonly writer: McapFileWriterOptions;
  /** Units: bytes of a file; nanoseconds between receive stamps */
  readonly splitBytes?: number;
  readonly splitNs?: bigint;
  /** What may be said of the bag at any time: a process that is killed writes no metadata.yaml. */
  readonly notes: () => Readonly<Record<string, string>>;
  /** What is said of it in metadata.yaml. */
  readonly customData: () => Readonly<Record<string, string>>;
}

interface Channel {
  readonly id: number;
  readonly topic: string;
  readonly type: RosType;
  readonly qos: string;
}

/** `writer` keeps its figures after it has ended. */
interface Part {
  readonly name: string;
  readonly writer: McapFileWriter;
  /** Receive stamp of its first message. */
  startNs?: bigint;
}

/** Where a split may happen in the middle of an episode: at so many times the measure. */
const TORN_AT = 2;

/** The files of a bag that is being written: one after another, each whole by itself, all with the same channels. */
export class BagParts {
  readonly #options: BagPartsOptions;
  readonly #parts: Part[] = [];
  readonly #channels: Channel[] = [];
  /** Files that are being closed; settles when they are, and never fails. */
  #closing: Promise<unknown> = Promise.resolve();
  /** A file that is full goes on until the episode's end. */
  inEpisode = false;

  constructor(options: BagPartsOptions) {
    this.#options = options;
    this.#open();
  }

  /** Why nothing more is taken, if so. */
  get failure(): string | undefined {
    return this.#parts.find(({ writer }) => writer.failure !== undefined)?.writer.failure;
  }

  get messageCount(): number {
    return this.#parts.reduce((sum, { writer }) => sum + Number(writer.statistics.messageCount), 0);
  }

  /** Bytes of messages that the disk has not taken yet: files that are being closed may still wait for it. */
  get pendingBytes(): number {
    return this.#parts.reduce((sum, { writer }) => sum + writer.pendingBytes, 0);
  }

  /** Messages of a channel that were taken and then lost, because writing failed. */
  lostOf(channelId: number): number {
    return this.#parts.reduce((sum, { writer }) => sum + (writer.lost.get(channelId) ?? 0), 0);
  }

  addChannel(topic: string, type: RosType, qos: string): number {
    const id = announce(this.#current.writer, { topic, type, qos });
    this.#channels.push({ id, topic, type, qos });
    return id;
  }

  append(channelId: number, cdr: Uint8Array, receivedStampNs: bigint, sourceStampNs: bigint): boolean {
    if (this.#isFull(receivedStampNs)) {
      this.#close();
      this.#open();
    }
    this.#current.startNs ??= receivedStampNs;
    return this.#current.writer.append(channelId, receivedStampNs, sourceStampNs, cdr);
  }

  /** Hands the open chunk to the disk, without waiting for it. */
  closeChunk(): void {
    this.#current.writer.closeChunk();
  }

  /** Puts the notes into the file, as they are by now. */
  note(): void {
    this.#current.writer.addMetadata(NOTES_RECORD, this.#options.notes);
  }

  /** Settles when everything so far is on the disk; never throws, see `failure`. */
  async sync(): Promise<void> {
    await Promise.all([this.#current.writer.sync(), this.#closing]);
  }

  /** Settles when every file is closed. */
  async end(): Promise<void> {
    this.#close();
    await this.#closing;
  }

  /** The content of metadata.yaml, of what is in the files now. */
  metadata(): string {
    const parts = this.#parts.map(({ name, writer }) => ({ name, ...writer.statistics }));
    return bagMetadataYaml({
      topics: this.#channels.map(({ id, topic, type, qos }) => ({
        name: topic,
        type,
        offeredQosProfiles: qos,
        messageCount: parts.reduce((sum, { channelMessageCounts }) => sum + (channelMessageCounts.get(id) ?? 0n), 0n),
      })),
      files: parts.map(({ name, messageStartTime, messageEndTime, messageCount }) => ({
        path: name,
        startNs: messageStartTime,
        endNs: messageEndTime,
        messageCount,
      })),
      customData: this.#options.customData(),
    });
  }

  get #current(): Part {
    return this.#parts.at(-1)!;
  }

  /** Whether the next message belongs into another file. */
  #isFull(receivedStampNs: bigint): boolean {
    const { splitBytes = Number.POSITIVE_INFINITY, splitNs } = this.#options;
    const { startNs, writer } = this.#current;
    if (startNs === undefined) return false;
    const age = splitNs === undefined ? 0 : Number(receivedStampNs - startNs) / Number(splitNs);
    return Math.max(writer.bytes / splitBytes, age) >= (this.inEpisode ? TORN_AT : 1);
  }

  #open(): void {
    const { folder, openFile } = this.#options;
    const name = `${basename(folder)}_${this.#parts.length}.mcap`;
    const file = lazyBagFile(() => openFile(join(folder, name)));
    const writer = new McapFileWriter(file, this.#options.writer);
    this.#parts.push({ name, writer });
    this.note();
    // In the same order in every file, so that a topic keeps its channel.
    for (const channel of this.#channels) announce(writer, channel);
  }

  #close(): void {
    const { writer } = this.#current;
    writer.closeChunk();
    writer.addMetadata("rosbag2", () => ({ serialized_metadata: this.metadata() }));
    this.#closing = Promise.all([this.#closing, writer.end()]);
  }
}

function announce(writer: McapFileWriter, { topic, type, qos }: Omit<Channel, "id">): number {
  const metadata = new Map([["offered_qos_profiles", qos]]);
  return writer.addChannel({ topic, type, schema: messageSchema(type), metadata });
}
