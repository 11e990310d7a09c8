import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { compress, isLoaded } from "@foxglove/wasm-zstd";
import { McapWriter, TempBuffer } from "@mcap/core";
import { Rng } from "../../../src/core/rng.ts";
import { serializeMessage } from "../../../src/messages/index.ts";
import { BagReader } from "../../../src/replay/bag-reader.ts";
import { loadCompression } from "../../../src/replay/chunk-compression.ts";
import { verifyBag } from "../../../src/replay/verify.ts";
import { buildBag, testFolder } from "./bag-builder.ts";
import { readIndexed } from "./read-mcap.ts";

for (const compression of ["lz4", "zstd"] as const) {
  test(`a recording with ${compression} chunks holds the same messages in fewer bytes, for the library's reader too`, async (t) => {
    const root = await testFolder(t);
    const bytes: Record<string, Buffer> = {};
    for (const kind of ["none", compression] as const) {
      await buildBag({ folder: join(root, kind), episodes: [30], chunkBytes: 50_000, compression: kind });
      bytes[kind] = await readFile(join(root, kind, `${kind}_0.mcap`));
    }
    const [plain, packed] = [bytes.none!, bytes[compression]!];
    assert.ok(packed.length < 0.6 * plain.length, `${packed.length} of ${plain.length} bytes`);
    const read = await readIndexed(packed);
    assert.deepEqual(read.messages, (await readIndexed(plain)).messages);
    assert.ok(read.reader.chunkIndexes.some((index) => index.compression === compression));
    assert.deepEqual((await verifyBag(join(root, compression))).findings, []);
  });

  test(`what ${compression} cannot make smaller stays as it is`, async () => {
    const pack = await loadCompression(compression);
    const rng = new Rng(1);
    const noise = Uint8Array.from({ length: 4000 }, () => rng.integer(256));
    assert.deepEqual(await pack(noise), { compression: "", records: noise });
  });
}

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
