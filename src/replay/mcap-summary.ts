import { McapConstants, type McapRecordBuilder, type McapTypes } from "@mcap/core";

/** What a reader needs to find everything without reading the data. */
export interface McapSummary {
  readonly schemas: Iterable<McapTypes.Schema>;
  readonly channels: Iterable<McapTypes.Channel>;
  readonly statistics: McapTypes.Statistics;
  readonly metadataIndexes: Iterable<McapTypes.MetadataIndex>;
  readonly attachmentIndexes?: Iterable<McapTypes.AttachmentIndex>;
  readonly chunkIndexes: Iterable<McapTypes.ChunkIndex>;
}

/**
 * Appends summary, offsets, footer and the closing magic to empty `records`; `summaryStart` is their place in the file.
 * Source: MCAP specification, "Summary Section", "Summary Offset Section", "Footer".
 */
export function writeSummary(records: McapRecordBuilder, summaryStart: bigint, summary: McapSummary): void {
  const { Opcode } = McapConstants;
  const groups: McapTypes.SummaryOffset[] = [];
  const group = <Item>(groupOpcode: number, items: Iterable<Item>, write: (item: Item) => bigint) => {
    const start = records.length;
    for (const item of items) write(item);
    const groupLength = BigInt(records.length - start);
    if (groupLength > 0n) groups.push({ groupOpcode, groupStart: summaryStart + BigInt(start), groupLength });
  };
  group(Opcode.SCHEMA, summary.schemas, (schema) => records.writeSchema(schema));
  group(Opcode.CHANNEL, summary.channels, (channel) => records.writeChannel(channel));
  group(Opcode.STATISTICS, [summary.statistics], (statistics) => records.writeStatistics(statistics));
  group(Opcode.METADATA_INDEX, summary.metadataIndexes, (index) => records.writeMetadataIndex(index));
  group(Opcode.ATTACHMENT_INDEX, summary.attachmentIndexes ?? [], (index) => records.writeAttachmentIndex(index));
  group(Opcode.CHUNK_INDEX, summary.chunkIndexes, (index) => records.writeChunkIndex(index));
  const summaryOffsetStart = summaryStart + BigInt(records.length);
  for (const offset of groups) records.writeSummaryOffset(offset);
  records.writeFooter({ summaryStart, summaryOffsetStart, summaryCrc: 0 });
  records.writeMagic();
}
