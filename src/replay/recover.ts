import { link, open, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { McapRecordBuilder, type McapTypes } from "@mcap/core";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { type BagTopic, bagMetadataYaml } from "./bag-metadata.ts";
import { BagReader } from "./bag-reader.ts";
import { EPISODES_KEY, formatNumbers } from "./episode-numbers.ts";
import { type Episode, isKept, readEpisodes } from "./episodes.ts";
import { type FileIndex, type IndexedChunk, indexFile } from "./index-file.ts";
import type { ChunkPlace, ExtraRecord, McapFileReader } from "./mcap-file-reader.ts";
import { parseChunkHeader, RECORD_HEADER_BYTES } from "./mcap-records.ts";
import type { Damage } from "./mcap-scan.ts";
import { writeSummary } from "./mcap-summary.ts";

export interface FileRecovery {
  readonly path: string;
  readonly damages: readonly Damage[];
  readonly chunks: number;
  readonly messages: number;
  /** Bytes of the damaged file that the new one does not hold. */
  readonly lostBytes: number;
  /** Where the damaged file is kept; undefined if there was nothing to repair. */
  readonly original: string | undefined;
}

export interface BagRecovery {
  readonly files: readonly FileRecovery[];
  readonly episodes: number;
  /** Numbers of the episodes without an end. */
  readonly cutEpisodes: readonly number[];
  readonly wroteMetadata: boolean;
}

/**
 * Makes a bag whole again that was cut or damaged: every complete chunk, metadata record and attachment is kept byte for
 * byte, index, summary and metadata.yaml are made anew, and episodes without an end are marked in metadata.yaml.
 *
 * The new file is written beside the old one and takes its name only when it is on the disk; the old one stays as
 * `<name>.damaged`. Killed at any moment, it leaves a bag that can be recovered again.
 * @throws ERR_BAG_UNREADABLE if there is no MCAP file
 * @throws ERR_BAG_EXISTS if `<name>.damaged` exists already
 * @throws ERR_RECORDING if the folder cannot be written
 */
export async function recoverBag(path: string): Promise<BagRecovery> {
  const bag = await BagReader.open(path, { scan: true });
  const isFolder = bag.files[0]?.path !== path;
  try {
    const files: FileRecovery[] = [];
    const indexes: FileIndex[] = [];
    for (const file of bag.files) {
      const index = await indexFile(file);
      files.push(await recoverFile(file, index));
      indexes.push(index);
    }
    const { episodes } = await readEpisodes(bag);
    const cutEpisodes = episodes.filter(({ closed, discarded }) => !closed && !discarded).map(({ number }) => number);
    const repaired = files.some(({ original }) => original !== undefined);
    const wroteMetadata = isFolder && (repaired || bag.metadataTrouble !== undefined);
    if (wroteMetadata) await writeMetadata(path, bag, indexes, episodes, cutEpisodes);
    return { files, episodes: episodes.length, cutEpisodes, wroteMetadata };
  } finally {
    await bag.close();
  }
}

async function recoverFile(file: McapFileReader, index: FileIndex): Promise<FileRecovery> {
  const { path, damages } = file;
  const chunks = file.chunks.length;
  const messages = Number(index.statistics.messageCount);
  if (file.hasIndex && damages.length === 0) {
    return { path, damages, chunks, messages, lostBytes: 0, original: undefined };
  }
  const size = await file.size();
  const original = `${path}.damaged`;
  const partial = `${path}.recovering`;
  try {
    const keptBytes = await writeWhole(file, index, partial);
    // A second name, not a new one: `path` exists at every moment.
    await link(path, original);
    await rename(partial, path);
    await syncFolder(dirname(path));
    return { path, damages, chunks, messages, lostBytes: Math.max(0, size - keptBytes), original };
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => {});
    if ((cause as { code?: string }).code === "EEXIST") {
      throw new LatentloopError("ERR_BAG_EXISTS", `Expected to keep the damaged file as ${original}, which exists.`, {
        cause,
        remedy: "Move it away: it is the original of an earlier recovery.",
      });
    }
    throw new LatentloopError(
      "ERR_RECORDING",
      `Expected to write the recovered file beside ${path}: ${messageOf(cause)}.`,
      { cause, remedy: "Recovery needs as much free space as the file has, and the right to write into its folder." },
    );
  }
}

/** Writes the records as they are, with an index of their own; returns the bytes in front of the summary. */
async function writeWhole(file: McapFileReader, index: FileIndex, target: string): Promise<number> {
  const handle = await open(target, "w");
  try {
    const records = new McapRecordBuilder();
    let position = 0;
    const append = async (bytes: Uint8Array) => {
      await handle.appendFile(bytes);
      position += bytes.length;
    };
    const flush = async () => {
      await append(records.buffer);
      records.reset();
    };
    records.writeMagic();
    records.writeHeader({ profile: "ros2", library: file.header.library });
    await flush();
    const chunkIndexes: McapTypes.ChunkIndex[] = [];
    const metadataIndexes: McapTypes.MetadataIndex[] = [];
    const attachmentIndexes: McapTypes.AttachmentIndex[] = [];
    for (const part of inFileOrder(file, index)) {
      const start = BigInt(position);
      if ("record" in part) {
        const { record, bytes } = part;
        await append(await file.readRaw(part));
        const place = { offset: start, length: BigInt(bytes) };
        if (record.type === "Metadata") metadataIndexes.push({ name: record.name, ...place });
        else attachmentIndexes.push({ ...record, dataSize: BigInt(record.data.length), ...place });
        continue;
      }
      const { place, messageIndexes } = part;
      const raw = await file.readRaw(place);
      await append(raw);
      const offsets = new Map<number, bigint>();
      for (const messageIndex of messageIndexes) {
        offsets.set(messageIndex.channelId, BigInt(position + records.length));
        records.writeMessageIndex(messageIndex);
      }
      chunkIndexes.push(chunkIndex(raw, place, start, offsets, records.length));
      await flush();
    }
    const keptBytes = position;
    records.writeDataEnd({ dataSectionCrc: 0 });
    await flush();
    writeSummary(records, BigInt(position), { ...index, metadataIndexes, attachmentIndexes, chunkIndexes });
    await flush();
    await handle.sync();
    return keptBytes;
  } finally {
    await handle.close();
  }
}

/** What a recovered file holds, so that each record stays where it was among the others. */
function inFileOrder(file: McapFileReader, index: FileIndex): (IndexedChunk | ExtraRecord)[] {
  const offsetOf = (part: IndexedChunk | ExtraRecord) => ("record" in part ? part.offset : part.place.offset);
  return [...index.chunks, ...file.extras].sort((a, b) => offsetOf(a) - offsetOf(b));
}

function chunkIndex(
  raw: Uint8Array,
  { startNs, endNs }: ChunkPlace,
  chunkStartOffset: bigint,
  messageIndexOffsets: Map<number, bigint>,
  indexBytes: number,
): McapTypes.ChunkIndex {
  const { compression, recordsBytes, uncompressedBytes } = parseChunkHeader(raw.subarray(RECORD_HEADER_BYTES))!;
  return {
    messageStartTime: startNs,
    messageEndTime: endNs,
    chunkStartOffset,
    chunkLength: BigInt(raw.length),
    messageIndexOffsets,
    messageIndexLength: BigInt(indexBytes),
    compression,
    compressedSize: BigInt(recordsBytes),
    uncompressedSize: BigInt(uncompressedBytes),
  };
}

async function writeMetadata(
  folder: string,
  bag: BagReader,
  indexes: readonly FileIndex[],
  episodes: readonly Episode[],
  cutEpisodes: readonly number[],
): Promise<void> {
  const finished = episodes.filter(isKept).map(({ number }) => number);
  const topics = new Map<string, BagTopic>();
  for (const { channels, statistics } of indexes) {
    for (const { id, topic, schemaName, metadata } of channels) {
      const messageCount = (topics.get(topic)?.messageCount ?? 0n) + (statistics.channelMessageCounts.get(id) ?? 0n);
      const offeredQosProfiles = metadata.get("offered_qos_profiles") ?? "";
      topics.set(topic, { name: topic, type: schemaName, offeredQosProfiles, messageCount });
    }
  }
  const yaml = bagMetadataYaml({
    topics: [...topics.values()],
    files: indexes.map(({ statistics }, i) => ({
      path: basename(bag.files[i]!.path),
      startNs: statistics.messageStartTime,
      endNs: statistics.messageEndTime,
      messageCount: statistics.messageCount,
    })),
    customData: {
      ...bag.customData,
      // Not as it was listed: an episode's end may be among what was lost.
      ...(episodes.length > 0 || EPISODES_KEY in bag.customData ? { [EPISODES_KEY]: formatNumbers(finished) } : {}),
      recovered: "true",
      ...(cutEpisodes.length > 0 ? { cut_episodes: cutEpisodes.join(" ") } : {}),
    },
  });
  const target = join(folder, "metadata.yaml");
  await writeFile(`${target}.recovering`, yaml, { flush: true });
  await rename(`${target}.recovering`, target);
  await syncFolder(folder);
}

/** Makes a rename durable; Windows does so itself and cannot open folders. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
