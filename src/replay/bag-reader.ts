import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { NOTES_RECORD } from "./bag-metadata.ts";
import { type BagMessage, type ChunkPlace, McapFileReader, type OpenOptions } from "./mcap-file-reader.ts";
import { walkChunk } from "./mcap-records.ts";

/** What we read of a bag's metadata.yaml. */
const metadataSchema = z.object({
  rosbag2_bagfile_information: z.object({
    storage_identifier: z.string(),
    message_count: z.number(),
    relative_file_paths: z.array(z.string()),
    custom_data: z.record(z.string(), z.coerce.string()).nullish(),
  }),
});

export interface MessageFilter {
  readonly topics?: ReadonlySet<string>;
  readonly types?: ReadonlySet<string>;
  /** Receive stamps, both ends included. */
  readonly startNs?: bigint;
  readonly endNs?: bigint;
}

export interface BagTopicName {
  readonly topic: string;
  readonly type: string;
}

/** A bag: a folder as rosbag2 has it, with or without metadata.yaml, or a single MCAP file; whole, cut, or being written. */
export class BagReader {
  readonly path: string;
  readonly #options: OpenOptions;
  readonly #files: McapFileReader[];
  readonly #statedData: Readonly<Record<string, string>>;
  /** Messages that metadata.yaml says are there; undefined without one. */
  readonly statedMessages: number | undefined;
  /** What is wrong with metadata.yaml, if it is there. */
  readonly metadataTrouble: string | undefined;

  private constructor(path: string, options: OpenOptions, files: McapFileReader[], metadata: Metadata) {
    this.path = path;
    this.#options = options;
    this.#files = files;
    this.#statedData = metadata.customData;
    this.statedMessages = metadata.messages;
    this.metadataTrouble = metadata.trouble;
  }

  /** @throws ERR_BAG_UNREADABLE if there is no MCAP file, or one that is none */
  static async open(path: string, options: OpenOptions = {}): Promise<BagReader> {
    const { paths, metadata } = await bagFiles(path);
    const files: McapFileReader[] = [];
    try {
      for (const file of paths) files.push(await McapFileReader.open(file, options));
    } catch (error) {
      await Promise.all(files.map((file) => file.close()));
      throw error;
    }
    return new BagReader(path, options, files, metadata);
  }

  /** In the order in which they were written. */
  get files(): readonly McapFileReader[] {
    return this.#files;
  }

  /** What metadata.yaml and our own record in the files tell: session, hashes, drops. */
  get customData(): Readonly<Record<string, string>> {
    const records = this.#files.flatMap(({ metadata }) => metadata.filter(({ name }) => name === NOTES_RECORD));
    const notes = records.map(({ metadata }) => Object.fromEntries(metadata));
    return Object.assign({}, ...notes, this.#statedData);
  }

  /** Topics in the order of their names. */
  get topics(): BagTopicName[] {
    const types = new Map<string, string>();
    for (const { channels } of this.files) for (const { topic, type } of channels.values()) types.set(topic, type);
    return [...types].map(([topic, type]) => ({ topic, type })).sort((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  /**
   * Messages in the order in which they were written. Their data may be kept.
   * @throws ERR_BAG_DAMAGED at a damaged chunk, unless the bag was opened by scanning: then it is left out
   */
  async *messages(filter: MessageFilter = {}): AsyncGenerator<BagMessage> {
    for (const file of this.files) {
      for (const chunk of file.chunks) yield* await chunkMessages(file, chunk, filter);
    }
  }

  /** Messages in the order of their receive stamps. Holds the chunks that overlap in time, one or two for our recorder. */
  async *messagesInTime(filter: MessageFilter = {}): AsyncGenerator<BagMessage> {
    const places = this.files
      .flatMap((file) => file.chunks.map((chunk) => ({ file, chunk })))
      .sort((a, b) => compare(a.chunk.startNs, b.chunk.startNs));
    let held: BagMessage[] = [];
    for (const [i, { file, chunk }] of places.entries()) {
      held.push(...(await chunkMessages(file, chunk, filter)));
      held.sort((a, b) => compare(a.logTimeNs, b.logTimeNs));
      const next = places[i + 1]?.chunk.startNs;
      const ready = next === undefined ? held.length : held.findIndex(({ logTimeNs }) => logTimeNs >= next);
      yield* held.slice(0, ready < 0 ? held.length : ready);
      held = ready < 0 ? [] : held.slice(ready);
    }
  }

  /** Takes in what a recorder has written since, also into further files; says whether there was anything. */
  async refresh(): Promise<boolean> {
    const news = await Promise.all(this.#files.map((file) => file.refresh()));
    const known = new Set(this.#files.map(({ path }) => path));
    const added = (await bagFiles(this.path)).paths.filter((path) => !known.has(path));
    for (const path of added) this.#files.push(await McapFileReader.open(path, this.#options));
    return added.length > 0 || news.includes(true);
  }

  /** Whether its recorder has ended it: every file is closed, and metadata.yaml, which comes last, is there. */
  async isFinished(): Promise<boolean> {
    return this.#files.every(({ isClosed }) => isClosed) && (await readdir(this.path)).includes("metadata.yaml");
  }

  async close(): Promise<void> {
    await Promise.all(this.files.map((file) => file.close()));
  }
}

/** A chunk's messages that pass the filter; none where the index already says so or the chunk is damaged. */
export async function chunkMessages(
  file: McapFileReader,
  chunk: ChunkPlace,
  { topics, types, startNs, endNs }: MessageFilter,
): Promise<BagMessage[]> {
  if ((startNs !== undefined && chunk.endNs < startNs) || (endNs !== undefined && chunk.startNs > endNs)) return [];
  const wanted = [...file.channels.values()].filter(
    ({ topic, type }) => (topics?.has(topic) ?? true) && (types?.has(type) ?? true),
  );
  const byId = new Map(wanted.map((channel) => [channel.id, channel]));
  if (chunk.channelIds !== undefined && !wanted.some(({ id }) => chunk.channelIds?.has(id))) return [];
  const messages: BagMessage[] = [];
  walkChunk(await file.readChunk(chunk), (message) => {
    const channel = byId.get(message.channelId);
    if (channel === undefined) return;
    if ((startNs !== undefined && message.logTimeNs < startNs) || (endNs !== undefined && message.logTimeNs > endNs)) {
      return;
    }
    messages.push({ ...message, topic: channel.topic, type: channel.type });
  });
  return messages;
}

export function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface Metadata {
  readonly customData: Readonly<Record<string, string>>;
  readonly messages: number | undefined;
  readonly trouble: string | undefined;
}

async function bagFiles(path: string): Promise<{ paths: readonly string[]; metadata: Metadata }> {
  const none: Metadata = { customData: {}, messages: undefined, trouble: undefined };
  try {
    if (!(await stat(path)).isDirectory()) return { paths: [path], metadata: none };
    const found = await begunFiles(path);
    if (found.length === 0) throw await noFiles(path);
    const { listed, metadata } = await readMetadata(join(path, "metadata.yaml"));
    // Files that a crash kept out of metadata.yaml belong to the bag all the same.
    const names = [...listed.filter((name) => found.includes(name)), ...found.filter((name) => !listed.includes(name))];
    return { paths: names.map((name) => join(path, name)), metadata };
  } catch (cause) {
    if (cause instanceof LatentloopError) throw cause;
    throw new LatentloopError("ERR_BAG_UNREADABLE", `Expected a bag at ${path}: ${messageOf(cause)}.`, {
      cause,
      remedy: "Name a folder with an .mcap file in it, or the file.",
    });
  }
}

/** Whether a folder is a bag that has been begun: there is an MCAP file that is not empty. */
export async function holdsBag(folder: string): Promise<boolean> {
  const sizes = await Promise.all((await mcapNames(folder)).map(async (name) => (await stat(join(folder, name))).size));
  return sizes.some((bytes) => bytes > 0);
}

/** MCAP files of a folder. One that a recorder has only just created, or was killed over, holds nothing and does not count. */
async function begunFiles(path: string): Promise<string[]> {
  const names = await mcapNames(path);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size));
  const begun = names.filter((_, i) => sizes[i]! > 0);
  return begun.length > 0 ? begun : names;
}

async function mcapNames(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".mcap")).sort(inNumber);
}

/** What to say of a folder without MCAP files: rosbag2 has two other ways to store a bag. */
async function noFiles(path: string): Promise<Error> {
  const other = (await readdir(path)).find((name) => /\.(db3|mcap\.zstd)$/.test(name));
  if (other === undefined) return new Error("the folder holds no .mcap file");
  return new LatentloopError("ERR_BAG_UNREADABLE", `Expected .mcap files in ${path} but it holds ${other}.`, {
    remedy: `Convert it: ros2 bag convert -i ${path} -o convert.yaml, with storage_id: mcap and no compression in convert.yaml.`,
  });
}

async function readMetadata(path: string): Promise<{ listed: string[]; metadata: Metadata }> {
  try {
    const { rosbag2_bagfile_information: information } = metadataSchema.parse(parse(await readFile(path, "utf8")));
    return {
      listed: information.relative_file_paths.map((name) => basename(name)),
      metadata: {
        customData: information.custom_data ?? {},
        messages: information.message_count,
        trouble: undefined,
      },
    };
  } catch (error) {
    const missing = (error as { code?: string }).code === "ENOENT";
    const trouble = missing ? "metadata.yaml is missing" : `metadata.yaml does not read: ${messageOf(error)}`;
    return { listed: [], metadata: { customData: {}, messages: undefined, trouble } };
  }
}

/** "bag_2.mcap" before "bag_10.mcap". */
function inNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
