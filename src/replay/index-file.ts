import type { McapTypes } from "@mcap/core";
import type { ChunkPlace, McapFileReader } from "./mcap-file-reader.ts";
import { walkChunk } from "./mcap-records.ts";

export interface IndexedChunk {
  readonly place: ChunkPlace;
  readonly messageIndexes: readonly McapTypes.MessageIndex[];
}

/** What a file's summary and message indexes hold, made from its messages. */
export interface FileIndex {
  readonly chunks: readonly IndexedChunk[];
  readonly schemas: readonly McapTypes.Schema[];
  readonly channels: readonly (McapTypes.Channel & { readonly schemaName: string })[];
  readonly statistics: McapTypes.Statistics;
}

/** Reads every chunk and indexes its messages. @throws ERR_BAG_DAMAGED at a damaged chunk */
export async function indexFile(file: McapFileReader): Promise<FileIndex> {
  const chunks: IndexedChunk[] = [];
  const channelMessageCounts = new Map<number, bigint>();
  let messageCount = 0n;
  let [startNs, endNs] = [0n, 0n];
  for (const place of file.chunks) {
    const byChannel = new Map<number, McapTypes.MessageIndex>();
    walkChunk(await file.readChunk(place), ({ channelId, logTimeNs, offset }) => {
      let index = byChannel.get(channelId);
      if (index === undefined) byChannel.set(channelId, (index = { channelId, records: [] }));
      index.records.push([logTimeNs, BigInt(offset)]);
      if (messageCount === 0n || logTimeNs < startNs) startNs = logTimeNs;
      if (messageCount === 0n || logTimeNs > endNs) endNs = logTimeNs;
      messageCount++;
    });
    for (const { channelId, records } of byChannel.values()) {
      channelMessageCounts.set(channelId, (channelMessageCounts.get(channelId) ?? 0n) + BigInt(records.length));
    }
    chunks.push({ place, messageIndexes: [...byChannel.values()] });
  }
  const channels = [...file.channels.values()];
  const extras = file.extras.map(({ record }) => record.type);
  const schemas = [...new Map(channels.map(({ schema }) => [schema.id, schema])).values()];
  return {
    chunks,
    schemas,
    channels: channels.map(({ channel, type }) => ({ ...channel, schemaName: type })),
    statistics: {
      messageCount,
      schemaCount: schemas.length,
      channelCount: channels.length,
      attachmentCount: extras.filter((type) => type === "Attachment").length,
      metadataCount: extras.filter((type) => type === "Metadata").length,
      chunkCount: chunks.length,
      messageStartTime: startNs,
      messageEndTime: endNs,
      channelMessageCounts,
    },
  };
}
