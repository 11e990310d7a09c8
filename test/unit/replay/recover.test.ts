import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { McapWriter, TempBuffer } from "@mcap/core";
import fc from "fast-check";
import { serializeMessage } from "../../../src/messages/index.ts";
import { BagReader } from "../../../src/replay/bag-reader.ts";
import { loadDecompression } from "../../../src/replay/chunk-compression.ts";
import { readEpisodes } from "../../../src/replay/episodes.ts";
import type { ByteSource } from "../../../src/replay/file-source.ts";
import { McapFileReader } from "../../../src/replay/mcap-file-reader.ts";
import { walkChunk } from "../../../src/replay/mcap-records.ts";
import { recoverBag } from "../../../src/replay/recover.ts";
import { verifyBag } from "../../../src/replay/verify.ts";
import { buildBag, testFolder } from "./bag-builder.ts";
import { readIndexed, readStream } from "./read-mcap.ts";

function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: async () => bytes.length,
    read: async (offset, length) => Uint8Array.from(bytes.subarray(offset, offset + length)),
    close: async () => {},
  };
}

/** A bag of three short episodes and the bytes of its file. */
async function smallBag(t: TestContext, episodes = [3, 2, 4]) {
  const folder = join(await testFolder(t), "bag");
  await buildBag({ folder, episodes });
  const path = join(folder, "bag_0.mcap");
  return { folder, path, bytes: await readFile(path) };
}

/** Messages in the chunks of a file in memory. */
async function countMessages(bytes: Uint8Array): Promise<{ reader: McapFileReader; messages: number }> {
  const decompress = await loadDecompression();
  const reader = await McapFileReader.over("file.mcap", memorySource(bytes), decompress, { scan: true });
  let messages = 0;
  for (const chunk of reader.chunks) walkChunk(await reader.readChunk(chunk), () => messages++);
  return { reader, messages };
}

/** Where each chunk ends, and how many messages it holds. */
async function chunkSizes(reader: McapFileReader): Promise<{ end: number; count: number }[]> {
  return Promise.all(
    reader.chunks.map(async (chunk) => {
      let count = 0;
      walkChunk(await reader.readChunk(chunk), () => count++);
      return { end: chunk.offset + chunk.bytes, count };
    }),
  );
}

/** A file of a few short chunks with a metadata record and an attachment among them. */
async function tinyFile({ useChunks = true } = {}): Promise<Buffer> {
  const buffer = new TempBuffer();
  const writer = new McapWriter({ writable: buffer, chunkSize: 100, useChunks });
  await writer.start({ profile: "ros2", library: "test" });
  const data = Buffer.from("string data");
  const schemaId = await writer.registerSchema({ name: "std_msgs/msg/String", encoding: "ros2msg", data });
  const channel = { schemaId, topic: "/chatter", messageEncoding: "cdr", metadata: new Map() };
  const channelId = await writer.registerChannel(channel);
  for (let i = 0; i < 12; i++) {
    const message = serializeMessage("std_msgs/msg/String", { data: `größer ${i}` });
    await writer.addMessage({ channelId, sequence: i, logTime: BigInt(i), publishTime: 0n, data: message });
    if (i === 4) await writer.addMetadata({ name: "session", metadata: new Map([["who", "Jürgen"]]) });
    if (i === 8) await writer.addAttachment({ ...ATTACHMENT, data: Buffer.from("fx: 500") });
  }
  await writer.end();
  return Buffer.from(buffer.get());
}
const ATTACHMENT = { name: "camera.yaml", mediaType: "text/yaml", logTime: 8n, createTime: 7n };

test("a file cut at any byte gives the messages of every chunk before the cut, and says that it was cut", async () => {
  const bytes = await tinyFile();
  const whole = await countMessages(bytes);
  const ends = await chunkSizes(whole.reader);
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length);
    if (length < 8) {
      await assert.rejects(countMessages(cut), { code: "ERR_BAG_UNREADABLE" });
      continue;
    }
    const { reader, messages } = await countMessages(cut);
    const before = ends.filter(({ end }) => end <= length).reduce((sum, { count }) => sum + count, 0);
    assert.equal(messages, before, `cut at ${length}`);
    assert.equal(reader.hasIndex, false);
    assert.ok(messages === whole.messages || reader.damages.length > 0, `cut at ${length}: nothing said`);
  }
});

test("a flipped bit anywhere never crashes the reader, costs at most its chunk, and is reported when data is lost", async (t) => {
  const { bytes } = await smallBag(t);
  const whole = await countMessages(bytes);
  const largestChunk = Math.max(...(await chunkSizes(whole.reader)).map(({ count }) => count));
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (place, bit) => {
      const flipped = Uint8Array.from(bytes);
      flipped[place]! ^= 1 << bit;
      try {
        const { reader, messages } = await countMessages(flipped);
        const lost = whole.messages - messages;
        assert.ok(lost <= largestChunk, `${lost} messages lost by one bit at ${place}`);
        if (lost > 0) assert.ok(reader.damages.length > 0, `${lost} messages lost at ${place} without a word`);
      } catch (error) {
        // Only where the file says what it is: magic and profile, or a schema's definition behind no checksum.
        assert.equal((error as { code?: string }).code, "ERR_BAG_UNREADABLE", String(error));
        assert.ok(place < 60, `a bit at ${place} made the file unreadable`);
      }
    }),
    { numRuns: 200, seed: 1 },
  );
});

test("recovery of a cut bag keeps every message of its whole chunks, marks the cut episode, and keeps the old file", async (t) => {
  const { folder, path, bytes } = await smallBag(t);
  await rm(join(folder, "metadata.yaml"));
  const { reader: whole } = await countMessages(bytes);
  const length = whole.chunks.at(-2)!.offset + 20; // the last one holds what came after the episode
  await truncate(path, length);
  const kept = readStream(bytes.subarray(0, length));
  const recovery = await recoverBag(folder);
  assert.equal(recovery.files[0]?.messages, kept.length);
  assert.equal(recovery.cutEpisodes.length, 1);
  const { reader, messages } = await readIndexed(await readFile(path));
  assert.deepEqual(messages, kept, "the library's indexed reader finds the same");
  assert.equal(reader.statistics?.messageCount, BigInt(kept.length));
  assert.deepEqual((await readdir(folder)).sort(), ["bag_0.mcap", "bag_0.mcap.damaged", "metadata.yaml"]);
  assert.deepEqual(await readFile(`${path}.damaged`), bytes.subarray(0, length));
  const bag = await BagReader.open(folder);
  t.after(() => bag.close());
  assert.equal(bag.customData.cut_episodes, String(recovery.cutEpisodes[0]));
  assert.equal(bag.statedMessages, kept.length);
  assert.equal((await verifyBag(folder)).ok, true);
});

test("recovery keeps metadata records and attachments, with their own index", async (t) => {
  const path = join(await testFolder(t), "other.mcap");
  const bytes = await tinyFile();
  await writeFile(path, bytes.subarray(0, bytes.length - 40));
  const { files } = await recoverBag(path);
  const { reader, messages } = await readIndexed(await readFile(path));
  assert.deepEqual([messages.length, files[0]?.messages], [12, 12]);
  const { statistics } = reader;
  assert.deepEqual([statistics?.attachmentCount, statistics?.metadataCount], [1, 1]);
  for await (const { name, metadata } of reader.readMetadata()) {
    assert.deepEqual([name, metadata.get("who")], ["session", "Jürgen"]);
  }
  for await (const { name, mediaType, data, createTime } of reader.readAttachments()) {
    assert.deepEqual([name, mediaType, createTime], ["camera.yaml", "text/yaml", 7n]);
    assert.equal(Buffer.from(data).toString(), "fx: 500");
  }
});

test("an attachment whose bytes changed is reported, and not taken over", async (t) => {
  const path = join(await testFolder(t), "other.mcap");
  const bytes = await tinyFile();
  bytes[bytes.indexOf("fx: 500")]! ^= 1;
  await writeFile(path, bytes);
  const { files } = await recoverBag(path);
  assert.match(files[0]!.damages[0]!.what, /crc/i);
  assert.equal((await readIndexed(await readFile(path))).reader.statistics?.attachmentCount, 0);
});

test("a chunk in the middle that is damaged is the only one recovery leaves out", async (t) => {
  const { folder, path, bytes } = await smallBag(t);
  const { reader, messages } = await countMessages(bytes);
  const victim = reader.chunks[2]!;
  const lost = (await chunkSizes(reader))[2]!.count;
  bytes[victim.offset + 200]! ^= 0xff;
  await writeFile(path, bytes);
  const verdict = await verifyBag(folder);
  assert.equal(verdict.ok, false);
  assert.ok(
    verdict.findings.some(({ where, what }) => where.includes(`byte ${victim.offset}`) && /checksum/.test(what)),
  );
  const { files } = await recoverBag(folder);
  assert.equal(files[0]?.messages, messages - lost);
});

test("a whole bag is left as it is, byte for byte", async (t) => {
  const { folder, path, bytes } = await smallBag(t);
  const { files, wroteMetadata } = await recoverBag(folder);
  assert.deepEqual([files[0]?.original, wroteMetadata], [undefined, false]);
  assert.deepEqual(await readFile(path), bytes);
});

test("a second recovery never overwrites the original that the first one kept", async (t) => {
  const { folder, path, bytes } = await smallBag(t);
  await truncate(path, bytes.length - 100);
  await recoverBag(folder);
  const original = await readFile(`${path}.damaged`);
  await truncate(path, 5000);
  await assert.rejects(recoverBag(folder), { code: "ERR_BAG_EXISTS", message: /bag_0\.mcap\.damaged/ });
  assert.deepEqual(await readFile(`${path}.damaged`), original);
  assert.equal((await readFile(path)).length, 5000);
});

test("recovery lists the episodes as finished whose end is still there", async (t) => {
  const { folder, path, bytes } = await smallBag(t);
  const { reader } = await countMessages(bytes);
  await truncate(path, reader.chunks.at(-2)!.offset);
  const { cutEpisodes } = await recoverBag(folder);
  assert.deepEqual(cutEpisodes, [2]);
  const bag = await BagReader.open(folder);
  t.after(() => bag.close());
  assert.equal(bag.customData.finished_episodes, "0-1");
});

test("a bag that lost its metadata.yaml alone gets it back", async (t) => {
  const { folder } = await smallBag(t);
  await rm(join(folder, "metadata.yaml"));
  const { wroteMetadata, files } = await recoverBag(folder);
  assert.deepEqual([wroteMetadata, files[0]?.original], [true, undefined]);
});

test("what is no bag is refused in one sentence, and nothing is written", async (t) => {
  const folder = await testFolder(t);
  await writeFile(join(folder, "notes.mcap"), "not an MCAP file at all");
  await assert.rejects(recoverBag(folder), { code: "ERR_BAG_UNREADABLE", message: /begins with other bytes/ });
  assert.deepEqual(await readdir(folder), ["notes.mcap"]);
  const empty = join(folder, "empty");
  await mkdir(empty);
  await assert.rejects(recoverBag(empty), { code: "ERR_BAG_UNREADABLE", message: /no \.mcap file/ });
});

test("a file of another profile is refused by its name", async (t) => {
  const { bytes } = await smallBag(t, [1]);
  const place = bytes.indexOf("ros2");
  const other = Uint8Array.from(bytes);
  other.set(Buffer.from("ros1"), place);
  await assert.rejects(countMessages(other), { code: "ERR_BAG_UNREADABLE", message: /"ros1"/ });
});

test("a file without chunks, as rosbag2 writes with fastwrite, is refused with the remedy, whole or cut, and left as it is", async (t) => {
  const path = join(await testFolder(t), "fast.mcap");
  const whole = await tinyFile({ useChunks: false });
  for (const bytes of [whole, whole.subarray(0, whole.length - 40)]) {
    await writeFile(path, bytes);
    const refusal = { code: "ERR_BAG_UNREADABLE", message: /fast\.mcap .*fastwrite/, remedy: /ros2 bag convert/ };
    await assert.rejects(BagReader.open(path), refusal);
    await assert.rejects(recoverBag(path), refusal);
    assert.deepEqual(await readFile(path), bytes);
  }
});

test("a bag that is still being written reads, and gives more once more is written", async (t) => {
  const folder = join(await testFolder(t), "live");
  const recording = await buildBag({ folder, episodes: [3], unfinished: true });
  const copy = join(await testFolder(t), "copy");
  await mkdir(copy);
  await copyFile(join(folder, "live_0.mcap"), join(copy, "copy_0.mcap"));
  const bag = await BagReader.open(folder);
  t.after(() => bag.close());
  const before = await readEpisodes(bag);
  assert.deepEqual([before.episodes.length, before.episodes[0]?.closed], [1, true]);
  assert.equal(await bag.refresh(), false);
  const [topic] = recording.topics.filter(({ name }) => name === "/joint_states");
  for await (const { data } of bag.messages({ topics: new Set(["/joint_states"]) })) topic?.write(data, 5n, 5n);
  await recording.sync();
  assert.equal(await bag.refresh(), true);
  let messages = 0;
  for await (const _ of bag.messages({ topics: new Set(["/joint_states"]) })) messages++;
  assert.equal(messages, 8);
  await recording.end();
});
