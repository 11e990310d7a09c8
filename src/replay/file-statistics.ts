import type { McapTypes } from "@mcap/core";

/** What a chunk tells of its messages. */
interface ChunkContent {
  readonly indices: Iterable<McapTypes.MessageIndex>;
  readonly messageStartTime: bigint;
  readonly messageEndTime: bigint;
}

/** Counts what a file holds, and what it should hold but lost because writing failed. */
export class FileStatistics {
  readonly written: McapTypes.Statistics = {
    messageCount: 0n,
    schemaCount: 0,
    channelCount: 0,
    attachmentCount: 0,
    metadataCount: 0,
    chunkCount: 0,
    messageStartTime: 0n,
    messageEndTime: 0n,
    channelMessageCounts: new Map(),
  };
  /** Messages by channel. */
  readonly lost = new Map<number, number>();

  addChunk({ indices, messageStartTime, messageEndTime }: ChunkContent): void {
    const { written } = this;
    const first = written.messageCount === 0n;
    for (const { channelId, records } of indices) {
      const count = BigInt(records.length);
      written.channelMessageCounts.set(channelId, (written.channelMessageCounts.get(channelId) ?? 0n) + count);
      written.messageCount += count;
    }
    if (first || messageStartTime < written.messageStartTime) written.messageStartTime = messageStartTime;
    if (first || messageEndTime > written.messageEndTime) written.messageEndTime = messageEndTime;
    written.chunkCount++;
  }

  loseChunk({ indices }: ChunkContent): void {
    for (const { channelId, records } of indices) {
      this.lost.set(channelId, (this.lost.get(channelId) ?? 0) + records.length);
    }
  }
}
