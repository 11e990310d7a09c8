import { crc32 } from "@foxglove/crc";
import { McapChunkBuilder, McapRecordBuilder, type McapTypes } from "@mcap/core";
import { messageOf } from "../core/errors.ts";
import type { BagFile } from "./bag-file.ts";
import type { CompressChunk } from "./chunk-compression.ts";
import { FileStatistics } from "./file-statistics.ts";
import { writeSummary } from "./mcap-summary.ts";

export interface McapFileWriterOptions {
  /** A chunk is closed once it holds this much; rosbag2's own default is 768 KiB. */
  readonly chunkBytes: number;
  /** Messages that the disk has not taken yet; beyond this, messages are refused. */
  readonly maxPendingBytes: number;
  /** Default: chunks stay as they are. */
  readonly compress?: CompressChunk;
}

export interface NewChannel {
  readonly topic: string;
  /** ROS name of the message type, e.g. "sensor_msgs/msg/Image". */
  readonly type: string;
  readonly schema: string;
  readonly metadata: ReadonlyMap<string, string>;
}

const encoder = new TextEncoder();
const LIBRARY = "latentloop";

/**
 * Writes one MCAP file with the profile `ros2`: chunked, indexed, with a checksum per chunk.
 *
 * `append` copies the message into the open chunk and returns at once. Chunks go to the disk one after another; what a
 * killed process loses is the open chunk and what the disk had not taken yet. After a write failed nothing more is
 * taken, and the file is cut behind its last whole chunk, so that it stays readable.
 */
export class McapFileWriter {
  readonly #file: BagFile;
  readonly #options: McapFileWriterOptions;
  readonly #records = new McapRecordBuilder();
  readonly #schemas = new Map<string, McapTypes.Schema>();
  readonly #channels: McapTypes.Channel[] = [];
  readonly #announced = new Set<number>();
  readonly #chunkIndexes: McapTypes.ChunkIndex[] = [];
  readonly #metadataIndexes: McapTypes.MetadataIndex[] = [];
  readonly #statistics = new FileStatistics();
  /** Builders whose memory is free for the next chunk. */
  readonly #spare: McapChunkBuilder[] = [];
  #open = new McapChunkBuilder({});
  #pendingBytes = 0;
  #position = 0;
  #jobs: Promise<void> = Promise.resolve();
  #failure: string | undefined;

  /** Messages may be appended at once; the file is written to as soon as it is open. */
  constructor(file: BagFile, options: McapFileWriterOptions) {
    this.#file = file;
    this.#options = options;
    this.#enqueue(async () => {
      this.#records.writeMagic();
      this.#records.writeHeader({ profile: "ros2", library: LIBRARY });
      await this.#write();
    });
  }

  /** Why nothing more is taken, if so. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Bytes of messages that are not with the file system yet. */
  get pendingBytes(): number {
    return this.#pendingBytes + this.#open.byteLength;
  }

  /** Length of the file with all that was given so far; what is not written yet counts as it is before compression. */
  get bytes(): number {
    return this.#position + this.pendingBytes;
  }

  /** Of what the file holds; messages that wait for the disk do not count yet. */
  get statistics(): Readonly<McapTypes.Statistics> {
    return this.#statistics.written;
  }

  /** Messages by channel that were taken and then lost, because writing failed. */
  get lost(): ReadonlyMap<number, number> {
    return this.#statistics.lost;
  }

  addChannel({ topic, type, schema, metadata }: NewChannel): number {
    let known = this.#schemas.get(type);
    if (known === undefined) {
      known = { id: this.#schemas.size + 1, name: type, encoding: "ros2msg", data: encoder.encode(schema) };
      this.#schemas.set(type, known);
      this.#statistics.written.schemaCount++;
    }
    // From 1, as rosbag2's own writer: the rosbags library overlooks a channel 0.
    const id = this.#channels.length + 1;
    this.#channels.push({ id, schemaId: known.id, topic, messageEncoding: "cdr", metadata: new Map(metadata) });
    this.#statistics.written.channelCount++;
    return id;
  }

  /** Takes a copy of the message, or says that it cannot: the disk is too slow, or failed. */
  append(channelId: number, logTime: bigint, publishTime: bigint, data: Uint8Array): boolean {
    if (this.#failure !== undefined || this.pendingBytes + data.length > this.#options.maxPendingBytes) return false;
    this.#announce(channelId);
    // rosbag2 writes the sequence 0 too: ROS has none to give.
    this.#open.addMessage({ channelId, sequence: 0, logTime, publishTime, data });
    if (this.#open.byteLength >= this.#options.chunkBytes) this.closeChunk();
    return true;
  }

  /** Hands the open chunk to the disk, without waiting for it. */
  closeChunk(): void {
    const chunk = this.#open;
    if (chunk.numMessages === 0) return;
    this.#open = this.#spare.pop() ?? new McapChunkBuilder({});
    const bytes = chunk.byteLength;
    this.#pendingBytes += bytes;
    this.#enqueue(
      () => this.#writeChunk(chunk),
      (written) => {
        if (written) this.#statistics.addChunk(chunk);
        else this.#statistics.loseChunk(chunk);
        this.#pendingBytes -= bytes;
        chunk.reset();
        this.#spare.push(chunk);
      },
    );
  }

  /** Closes the chunk and settles when everything so far is on the disk; never throws, see `failure`. */
  async sync(): Promise<void> {
    this.closeChunk();
    await this.#jobs;
    if (this.#failure !== undefined) return;
    // Beside the queue: a disk may take half a second for this, and chunks that wait for it would be lost by a kill.
    const failed = await this.#file.sync().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (failed === undefined) return;
    this.#enqueue(() => Promise.reject(failed.error));
    await this.#jobs;
  }

  /** @param values asked for when everything before is in the file */
  addMetadata(name: string, values: () => Readonly<Record<string, string>>): void {
    this.#enqueue(async () => {
      const offset = BigInt(this.#position);
      const length = this.#records.writeMetadata({ name, metadata: new Map(Object.entries(values())) });
      await this.#write();
      this.#statistics.written.metadataCount++;
      this.#metadataIndexes.push({ name, offset, length });
    });
  }

  /**
   * Writes the index behind the data and closes the file. After a failure it still tries: the cut has made room. A file that could
   * not be begun stays empty.
   */
  async end(): Promise<void> {
    this.closeChunk();
    await this.#jobs;
    if (this.#position > 0) await this.#writeEnd(this.#position);
    this.#spare.length = 0;
    this.#chunkIndexes.length = 0;
    await this.#file.close().catch((error: unknown) => {
      this.#failure ??= messageOf(error);
    });
  }

  async #writeEnd(dataEnd: number): Promise<void> {
    try {
      this.#records.writeDataEnd({ dataSectionCrc: 0 });
      await this.#write();
      writeSummary(this.#records, BigInt(this.#position), {
        schemas: this.#schemas.values(),
        channels: this.#channels,
        statistics: this.#statistics.written,
        metadataIndexes: this.#metadataIndexes,
        chunkIndexes: this.#chunkIndexes,
      });
      await this.#write();
      await this.#file.sync();
    } catch (error) {
      await this.#fail(error, dataEnd);
    }
  }

  #announce(channelId: number): void {
    if (this.#announced.has(channelId)) return;
    this.#announced.add(channelId);
    const channel = this.#channels[channelId - 1]!;
    this.#open.addSchema([...this.#schemas.values()][channel.schemaId - 1]!);
    this.#open.addChannel(channel);
  }

  /** Jobs for the disk run one after another; the first that fails is the last. */
  #enqueue(job: () => Promise<void>, settled: (done: boolean) => void = () => {}): void {
    this.#jobs = this.#jobs.then(async () => settled(await this.#attempt(job)));
  }

  async #attempt(job: () => Promise<void>): Promise<boolean> {
    if (this.#failure !== undefined) return false;
    const whole = this.#position;
    try {
      await job();
      return true;
    } catch (error) {
      await this.#fail(error, whole);
      return false;
    }
  }

  async #fail(error: unknown, wholeBytes: number): Promise<void> {
    this.#failure ??= messageOf(error);
    this.#records.reset();
    this.#position = wholeBytes;
    // A disk that refuses even this leaves a torn end, as a crash would: readers stop before it.
    await this.#file.truncate(wholeBytes).catch(() => {});
  }

  async #writeChunk(chunk: McapChunkBuilder): Promise<void> {
    const { buffer, messageStartTime, messageEndTime } = chunk;
    const { compression, records } = (await this.#options.compress?.(buffer)) ?? { compression: "", records: buffer };
    const uncompressedSize = BigInt(buffer.length);
    const chunkStartOffset = BigInt(this.#position);
    const chunkLength = this.#records.writeChunk({
      messageStartTime,
      messageEndTime,
      uncompressedSize,
      uncompressedCrc: crc32(buffer),
      compression,
      records,
    });
    const messageIndexOffsets = new Map<number, bigint>();
    let messageIndexLength = 0n;
    for (const index of chunk.indices) {
      messageIndexOffsets.set(index.channelId, chunkStartOffset + chunkLength + messageIndexLength);
      messageIndexLength += this.#records.writeMessageIndex(index);
    }
    await this.#write();
    this.#chunkIndexes.push({
      messageStartTime,
      messageEndTime,
      chunkStartOffset,
      chunkLength,
      messageIndexOffsets,
      messageIndexLength,
      compression,
      compressedSize: BigInt(records.length),
      uncompressedSize,
    });
  }

  async #write(): Promise<void> {
    const { buffer } = this.#records;
    await this.#file.write(buffer);
    this.#position += buffer.length;
    this.#records.reset();
  }
}
