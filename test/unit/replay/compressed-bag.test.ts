import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { compress, isLoaded } from "@foxglove/wasm-zstd";
import { McapWriter, TempBuffer } from "@mcap/core";
import { serializeMessage } from "../../../src/messages/index.ts";
import { BagReader } from "../../../src/replay/bag-reader.ts";
import { testFolder } from "./bag-builder.ts";

test("a file of another writer with zstd chunks reads by its index and by scanning", async (t) => {
  await isLoaded;
  const buffer = new TempBuffer();
  const compressChunk = (chunk: Uint8Array) => ({
    compression: "zstd",
    compressedData: Uint8Array.from(compress(chunk)),
  });
  const writer = new McapWriter({ writable: buffer, chunkSize: 300, compressChunk });
  await writer.start({ profile: "ros2", library: "test" });
  const data = Buffer.from("string data");
  const schemaId = await writer.registerSchema({ name: "std_msgs/msg/String", encoding: "ros2msg", data });
  const channel = { schemaId, topic: "/chatter", messageEncoding: "cdr", metadata: new Map() };
  const channelId = await writer.registerChannel(channel);
  for (let i = 0; i < 40; i++) {
    const message = serializeMessage("std_msgs/msg/String", { data: `Nachricht ${i}` });
    await writer.addMessage({ channelId, sequence: 0, logTime: BigInt(i), publishTime: 0n, data: message });
  }
  await writer.end();
  const path = join(await testFolder(t), "other.mcap");
  await writeFile(path, buffer.get());
  for (const scan of [false, true]) {
    const bag = await BagReader.open(path, { scan });
    const times: bigint[] = [];
    for await (const { logTimeNs, topic } of bag.messagesInTime()) if (topic === "/chatter") times.push(logTimeNs);
    assert.deepEqual(
      times,
      Array.from({ length: 40 }, (_, i) => BigInt(i)),
    );
    assert.ok(bag.files[0]!.chunks.length > 3);
    assert.deepEqual(bag.files[0]?.damages, []);
    await bag.close();
  }
});
