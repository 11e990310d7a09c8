import { McapIndexedReader, McapStreamReader, type McapTypes } from "@mcap/core";
import { loadDecompression } from "../../../src/replay/chunk-compression.ts";

export interface ReadMessage {
  readonly topic: string;
  readonly type: string;
  readonly logTime: bigint;
  readonly publishTime: bigint;
  readonly data: Buffer;
}

/** All messages by the library's indexed reader, which needs a whole file, in the order of their log times. */
export async function readIndexed(bytes: Uint8Array): Promise<{ reader: McapIndexedReader; messages: ReadMessage[] }> {
  const reader = await McapIndexedReader.Initialize({
    decompressHandlers: await loadDecompression(),
    readable: {
      size: async () => BigInt(bytes.length),
      read: async (offset, size) => bytes.subarray(Number(offset), Number(offset + size)),
    },
  });
  const messages: ReadMessage[] = [];
  for await (const message of reader.readMessages({ validateCrcs: true }))
    messages.push(named(message, reader.channelsById, reader.schemasById));
  return { reader, messages };
}

/** What the library's stream reader finds in a file that may be cut anywhere, checksums verified. */
export function readStream(bytes: Uint8Array): ReadMessage[] {
  const stream = new McapStreamReader({ validateCrcs: true, noMagicPrefix: false });
  const channels = new Map<number, McapTypes.Channel>();
  const schemas = new Map<number, McapTypes.Schema>();
  const messages: ReadMessage[] = [];
  stream.append(bytes);
  for (let record = stream.nextRecord(); record; record = stream.nextRecord()) {
    if (record.type === "Schema") schemas.set(record.id, record);
    if (record.type === "Channel") channels.set(record.id, record);
    if (record.type === "Message") messages.push(named(record, channels, schemas));
  }
  return messages;
}

function named(
  { channelId, logTime, publishTime, data }: McapTypes.Message,
  channels: ReadonlyMap<number, McapTypes.Channel>,
  schemas: ReadonlyMap<number, McapTypes.Schema>,
): ReadMessage {
  const channel = channels.get(channelId)!;
  return {
    topic: channel.topic,
    type: schemas.get(channel.schemaId)!.name,
    logTime,
    publishTime,
    data: Buffer.from(data),
  };
}
