import { type DecompressHandlers, McapConstants, type McapTypes, type TypedMcapRecord } from "@mcap/core";

import { LatentloopError, messageOf } from "../core/errors.ts";
import { loadDecompression } from "./chunk-compression.ts";
import { type ByteSource, openBagFile } from "./file-source.ts";
import { type ChunkMessage, MAGIC, parseRecords, RECORD_HEADER_BYTES, viewOf, walkChunk } from "./mcap-records.ts";
import { type Damage, isMagic, type ScannedRecord, scanRecords } from "./mcap-scan.ts";
import { openChunk } from "./open-chunk.ts";

const { Opcode } = McapConstants;
/** Footer record and closing magic. */
const FOOTER_BYTES = RECORD_HEADER_BYTES + 20 + MAGIC.length;
const MAX_METADATA_BYTES = 1n << 26n;

export interface BagChannel {
  readonly id: number;
  readonly topic: string;
  /** ROS name of the message type. */
  readonly type: string;
  readonly schema: McapTypes.Schema;
  readonly channel: McapTypes.Channel;
}

/** Where a chunk's record lies in the file. Units: nanoseconds, ROS clock. */
export interface ChunkPlace {
  readonly offset: number;
  readonly bytes: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Channels that it holds messages of, where that is known without reading it. */
  readonly channelIds: ReadonlySet<number> | undefined;
}

/** A metadata record or an attachment, and where it lies in the file. */
export interface ExtraRecord {
  readonly offset: number;
  readonly bytes: number;
  readonly record: Extract<TypedMcapRecord, { type: "Metadata" | "Attachment" }>;
}

export interface OpenOptions {
  /** Reads the whole data section even if the file has an index, so that `damages` is complete. */
  readonly scan?: boolean;
}

/**
 * One MCAP file: by its index when it has one, by its records when it was cut or is still being written.
 *
 * A chunk whose checksum is wrong is left out and listed in `damages`; nothing is ever written.
 */
export class McapFileReader {
  readonly path: string;
  readonly #source: ByteSource;
  readonly #decompress: DecompressHandlers;
  readonly #schemas = new Map<number, McapTypes.Schema>();
  readonly #channels = new Map<number, BagChannel>();
  readonly #chunks: ChunkPlace[] = [];
  readonly #damages: Damage[] = [];
  readonly #metadata: McapTypes.Metadata[] = [];
  readonly #extras: ExtraRecord[] = [];
  #header: McapTypes.Header = { profile: "", library: "" };
  #hasIndex = false;
  #scannedTo = MAGIC.length;
  /** Damage at the end may only be a record that is being written. */
  #tail: Damage | undefined;
  #ended = false;

  private constructor(path: string, source: ByteSource, decompress: DecompressHandlers) {
    this.path = path;
    this.#source = source;
    this.#decompress = decompress;
  }

  /** @throws ERR_BAG_UNREADABLE if it is no MCAP file, not of ROS 2 messages, or without chunks */
  static async open(path: string, options: OpenOptions = {}): Promise<McapFileReader> {
    const decompress = await loadDecompression();
    const source = await openBagFile(path);
    return McapFileReader.over(path, source, decompress, options);
  }

  /** As `open`, over any bytes. */
  static async over(
    path: string,
    source: ByteSource,
    decompress: DecompressHandlers,
    { scan = false }: OpenOptions = {},
  ): Promise<McapFileReader> {
    const reader = new McapFileReader(path, source, decompress);
    try {
      await reader.#begin(scan);
      return reader;
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  get header(): McapTypes.Header {
    return this.#header;
  }

  get channels(): ReadonlyMap<number, BagChannel> {
    return this.#channels;
  }

  get chunks(): readonly ChunkPlace[] {
    return this.#chunks;
  }

  /** Everything wrong that was met so far, in the order of reading. */
  get damages(): readonly Damage[] {
    return this.#tail === undefined ? this.#damages : [...this.#damages, this.#tail];
  }

  /** Whether nothing can come any more: the recorder closed the file. */
  get isClosed(): boolean {
    return this.#hasIndex || this.#ended;
  }

  /** Whether the file was closed in order: it ends with a summary that makes sense. */
  get hasIndex(): boolean {
    return this.#hasIndex;
  }

  /** Metadata records in the order of the file. */
  get metadata(): readonly McapTypes.Metadata[] {
    return this.#metadata;
  }

  /** Whole metadata records and attachments; known only by scanning. */
  get extras(): readonly ExtraRecord[] {
    return this.#extras;
  }

  async size(): Promise<number> {
    return this.#source.size();
  }

  /** Takes in what a recorder has written since; says whether there was anything. */
  async refresh(): Promise<boolean> {
    if (this.isClosed) return false;
    const before = this.#chunks.length;
    await this.#scan();
    return this.#chunks.length > before;
  }

  /** The uncompressed records of a chunk, in memory of their own. @throws ERR_BAG_DAMAGED if its checksum is wrong */
  async readChunk({ offset, bytes }: Pick<ChunkPlace, "offset" | "bytes">): Promise<Uint8Array> {
    const record = await this.#source.read(offset, bytes);
    try {
      return openChunk(record, this.#decompress);
    } catch (cause) {
      throw new LatentloopError(
        "ERR_BAG_DAMAGED",
        `Expected a whole chunk at byte ${offset} of ${this.path}: ${messageOf(cause)}.`,
        { cause, remedy: `Repair it: latentloop replay recover ${this.path}` },
      );
    }
  }

  /** A record as it lies in the file. */
  readRaw({ offset, bytes }: { readonly offset: number; readonly bytes: number }): Promise<Uint8Array> {
    return this.#source.read(offset, bytes);
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  async #begin(scan: boolean): Promise<void> {
    const magic = await this.#source.read(0, MAGIC.length);
    if (!isMagic(magic)) {
      throw new LatentloopError(
        "ERR_BAG_UNREADABLE",
        `Expected an MCAP file but ${this.path} begins with other bytes (${Buffer.from(magic).toString("hex") || "none"}).`,
        { remedy: "Name the .mcap file or the bag's folder. sqlite3 bags: convert them with `ros2 bag convert`." },
      );
    }
    const indexed = await this.#readSummary();
    if (indexed && !scan) return;
    this.#chunks.length = 0;
    this.#metadata.length = 0;
    await this.#scan();
  }

  /** Takes schemas, channels and chunks from the summary; false if there is none that can be trusted. */
  async #readSummary(): Promise<boolean> {
    const size = await this.#source.size();
    if (size < MAGIC.length + FOOTER_BYTES) return false;
    const end = await this.#source.read(size - FOOTER_BYTES, FOOTER_BYTES);
    if (!isMagic(end.subarray(-MAGIC.length)) || end[0] !== Opcode.FOOTER) return false;
    const summaryStart = Number(viewOf(end).getBigUint64(RECORD_HEADER_BYTES, true));
    if (summaryStart < MAGIC.length || summaryStart >= size - FOOTER_BYTES) return false;
    try {
      await this.#readHeader();
      const records = parseRecords(await this.#source.read(summaryStart, size - FOOTER_BYTES - summaryStart));
      for (const record of records) this.#define(record);
      const indexes = records.filter((record) => record.type === "ChunkIndex");
      const statistics = records.find((record) => record.type === "Statistics");
      if (statistics?.chunkCount === 0 && statistics.messageCount > 0n) throw this.#unchunked();
      if (statistics?.chunkCount !== indexes.length) throw new Error("the summary does not list all chunks");
      for (const index of indexes) this.#chunks.push(placeOf(index, summaryStart));
      for (const record of records) if (record.type === "MetadataIndex") await this.#readMetadata(record);
      this.#hasIndex = true;
      return true;
    } catch (error) {
      if (error instanceof LatentloopError) throw error;
      this.#damages.push({ offset: summaryStart, what: `the summary does not read: ${messageOf(error)}` });
      this.#chunks.length = 0;
      this.#channels.clear();
      this.#schemas.clear();
      return false;
    }
  }

  async #readMetadata({ offset, length }: McapTypes.MetadataIndex): Promise<void> {
    if (length > MAX_METADATA_BYTES) throw new Error(`a metadata record of ${length} bytes`);
    for (const record of parseRecords(await this.#source.read(Number(offset), Number(length)))) this.#define(record);
  }

  async #readHeader(): Promise<void> {
    const start = MAGIC.length;
    const head = await this.#source.read(start, RECORD_HEADER_BYTES);
    if (head.length < RECORD_HEADER_BYTES || head[0] !== Opcode.HEADER) return;
    const length = RECORD_HEADER_BYTES + Number(viewOf(head).getBigUint64(1, true));
    if (length > 65_536) return;
    const [header] = parseRecords(await this.#source.read(start, length));
    if (header?.type === "Header") this.#takeHeader(header);
  }

  #takeHeader(header: McapTypes.Header): void {
    this.#header = header;
    if (header.profile === "ros2" || header.profile === "") return;
    throw new LatentloopError(
      "ERR_BAG_UNREADABLE",
      `Expected an MCAP file with the profile "ros2" but ${this.path} has "${header.profile}".`,
      { remedy: "Convert it to ROS 2 messages first." },
    );
  }

  async #scan(): Promise<void> {
    this.#tail = undefined;
    const found: Damage[] = [];
    const records = scanRecords(this.#source, this.#scannedTo, (damage) => found.push(damage));
    let next = await records.next();
    for (; !next.done; next = await records.next()) this.#scanned(next.value);
    this.#scannedTo = next.value;
    const last = found.at(-1);
    if (last?.offset === next.value) this.#tail = found.pop();
    this.#damages.push(...found);
    if (!this.#ended && this.#tail === undefined) {
      this.#tail = { offset: next.value, what: "the file was not closed: it has no index and no end" };
    }
  }

  #scanned({ opcode, offset, bytes }: ScannedRecord): void {
    try {
      if (opcode === Opcode.CHUNK) this.#scannedChunk(offset, bytes);
      else if (opcode === Opcode.MESSAGE) throw this.#outsideOfChunks(bytes);
      else if (opcode === Opcode.DATA_END) this.#ended = true;
      else if (opcode !== Opcode.MESSAGE_INDEX) {
        for (const record of parseRecords(bytes, { validateCrcs: true })) {
          this.#define(record);
          const isExtra = record.type === "Metadata" || record.type === "Attachment";
          if (isExtra) this.#extras.push({ offset, bytes: bytes.length, record });
        }
      }
    } catch (error) {
      if (error instanceof LatentloopError) throw error;
      this.#damages.push({ offset, what: messageOf(error) });
    }
  }

  /** Damage, but not where it comes before every chunk and its channel is known: then there are no chunks. */
  #outsideOfChunks(message: Uint8Array): Error {
    const isKnown = this.#channels.has(viewOf(message).getUint16(RECORD_HEADER_BYTES, true));
    return this.#chunks.length === 0 && isKnown
      ? this.#unchunked()
      : new Error("a message outside of a chunk is not read");
  }

  #unchunked(): LatentloopError {
    return new LatentloopError(
      "ERR_BAG_UNREADABLE",
      `Expected an MCAP file whose messages are in chunks but ${this.path} has them outside, as the preset "fastwrite" of rosbag2 writes them.`,
      {
        remedy: `Convert its bag: ros2 bag convert -i <bag> -o convert.yaml, with storage_id: mcap and no preset in convert.yaml.`,
      },
    );
  }

  #scannedChunk(offset: number, bytes: Uint8Array): void {
    const records = openChunk(bytes, this.#decompress);
    const channelIds = new Set<number>();
    let startNs = 0n;
    let endNs = 0n;
    walkChunk(
      records,
      ({ channelId, logTimeNs }) => {
        if (channelIds.size === 0 || logTimeNs < startNs) startNs = logTimeNs;
        if (channelIds.size === 0 || logTimeNs > endNs) endNs = logTimeNs;
        channelIds.add(channelId);
      },
      (definition) => {
        for (const record of parseRecords(definition)) this.#define(record);
      },
    );
    this.#chunks.push({ offset, bytes: bytes.length, startNs, endNs, channelIds });
  }

  #define(record: TypedMcapRecord): void {
    if (record.type === "Header") this.#takeHeader(record);
    if (record.type === "Schema") this.#schemas.set(record.id, record);
    if (record.type === "Metadata") this.#metadata.push(record);
    if (record.type !== "Channel") return;
    const schema = this.#schemas.get(record.schemaId);
    if (schema === undefined) throw new Error(`the channel of ${record.topic} has no schema`);
    this.#channels.set(record.id, { id: record.id, topic: record.topic, type: schema.name, schema, channel: record });
  }
}

/** A message with the channel it came on. */
export interface BagMessage extends ChunkMessage {
  readonly topic: string;
  readonly type: string;
}

function placeOf(index: McapTypes.ChunkIndex, dataEnd: number): ChunkPlace {
  const offset = Number(index.chunkStartOffset);
  const bytes = Number(index.chunkLength);
  if (offset < MAGIC.length || bytes <= 0 || offset + bytes > dataEnd) throw new Error("a chunk lies outside the file");
  return {
    offset,
    bytes,
    startNs: index.messageStartTime,
    endNs: index.messageEndTime,
    channelIds: index.messageIndexOffsets.size === 0 ? undefined : new Set(index.messageIndexOffsets.keys()),
  };
}
