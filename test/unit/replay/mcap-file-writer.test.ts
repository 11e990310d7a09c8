import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { McapFileWriter } from "../../../src/replay/mcap-file-writer.ts";
import { MemoryFile, StalledFile } from "./memory-file.ts";
import { readIndexed, readStream } from "./read-mcap.ts";

const OPTIONS = { chunkBytes: 1000, maxPendingBytes: 1e6 };
const STRING = {
  type: "std_msgs/msg/String",
  schema: "string data",
  metadata: new Map([["offered_qos_profiles", "[]"]]),
};

/** A payload that names its own number. */
const payload = (number: number, length = 40) => Buffer.alloc(length, number);

test("a file holds its messages, times, schemas and channels as they were given, in the ros2 profile", async () => {
  const file = new MemoryFile();
  const writer = new McapFileWriter(file, OPTIONS);
  const [a, b] = ["/a", "/b"].map((topic) => writer.addChannel({ ...STRING, topic }));
  for (let i = 0; i < 100; i++)
    assert.ok(writer.append(i % 3 === 0 ? b! : a!, BigInt(1000 + i), BigInt(i), payload(i)));
  writer.addMetadata("rosbag2", () => ({ key: "größer" }));
  await writer.end();
  const { reader, messages } = await readIndexed(file.bytes);
  assert.equal(reader.header.profile, "ros2");
  assert.deepEqual(
    messages,
    Array.from({ length: 100 }, (_, i) => ({
      topic: i % 3 === 0 ? "/b" : "/a",
      type: STRING.type,
      logTime: BigInt(1000 + i),
      publishTime: BigInt(i),
      data: payload(i),
    })),
  );
  const [schema] = reader.schemasById.values();
  assert.deepEqual([schema?.encoding, Buffer.from(schema!.data).toString()], ["ros2msg", "string data"]);
  const [channel] = reader.channelsById.values();
  assert.deepEqual([channel?.messageEncoding, channel?.metadata.get("offered_qos_profiles")], ["cdr", "[]"]);
  assert.deepEqual(
    [reader.statistics?.messageCount, reader.statistics?.messageStartTime, reader.statistics?.messageEndTime],
    [100n, 1000n, 1099n],
  );
  assert.ok(reader.chunkIndexes.length > 1);
  assert.deepEqual(readStream(file.bytes), messages, "the stream reader agrees, checksums included");
  for await (const metadata of reader.readMetadata({ name: "rosbag2" })) {
    assert.equal(metadata.metadata.get("key"), "größer");
  }
  assert.ok(file.closed && file.syncs > 0);
});

test("an empty file is a whole one", async () => {
  const file = new MemoryFile();
  const writer = new McapFileWriter(file, OPTIONS);
  await writer.end();
  const { reader, messages } = await readIndexed(file.bytes);
  assert.deepEqual([messages, reader.statistics?.messageCount], [[], 0n]);
});

test("messages out of order in time come back in order", async () => {
  const file = new MemoryFile();
  const writer = new McapFileWriter(file, OPTIONS);
  const channel = writer.addChannel({ ...STRING, topic: "/a" });
  for (const time of [5n, 3n, 9n, 1n]) writer.append(channel, time, time, payload(Number(time), 600));
  await writer.end();
  const { reader, messages } = await readIndexed(file.bytes);
  assert.deepEqual(
    messages.map(({ logTime }) => logTime),
    [1n, 3n, 5n, 9n],
  );
  assert.deepEqual([reader.statistics?.messageStartTime, reader.statistics?.messageEndTime], [1n, 9n]);
});

test("a closed chunk survives a cut anywhere behind it", async () => {
  const file = new MemoryFile();
  const writer = new McapFileWriter(file, { ...OPTIONS, chunkBytes: 1e6 });
  const channel = writer.addChannel({ ...STRING, topic: "/a" });
  const wholeAt: number[] = [];
  for (let chunk = 0; chunk < 3; chunk++) {
    for (let i = 0; i < 5; i++) writer.append(channel, BigInt(5 * chunk + i), 0n, payload(5 * chunk + i));
    await writer.sync();
    wholeAt.push(file.bytes.length);
  }
  await writer.end();
  for (let length = 0; length <= file.bytes.length; length++) {
    const chunks = wholeAt.filter((whole) => whole <= length).length;
    const found = readStream(file.bytes.subarray(0, length)).length;
    // Behind a chunk come its message indexes: the chunk is readable a little before it counts as whole here.
    assert.ok(found >= 5 * chunks && found <= 5 * (chunks + 1), `${found} messages in ${length} bytes`);
  }
});

test("a flipped bit inside a chunk is noticed by its checksum", async () => {
  const file = new MemoryFile();
  const writer = new McapFileWriter(file, OPTIONS);
  const channel = writer.addChannel({ ...STRING, topic: "/a" });
  writer.append(channel, 1n, 1n, payload(7, 200));
  await writer.end();
  const at = file.bytes.indexOf(payload(7, 200)) + 100;
  file.bytes[at] = file.bytes[at]! ^ 1;
  assert.throws(() => readStream(file.bytes), /CRC/i);
});

test("when the disk is full at any byte, the file is cut to whole chunks and can be read", async () => {
  const whole = new MemoryFile();
  const fill = async (file: MemoryFile) => {
    const writer = new McapFileWriter(file, { ...OPTIONS, chunkBytes: 200 });
    const channel = writer.addChannel({ ...STRING, topic: "/a" });
    let taken = 0;
    for (let i = 0; i < 12; i++) {
      if (writer.append(channel, BigInt(i), 0n, payload(i))) taken++;
      await writer.sync();
    }
    await writer.end();
    return { writer, taken, channel };
  };
  await fill(whole);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 100, max: whole.bytes.length - 1 }), async (room) => {
      const file = new MemoryFile(room);
      const { writer, taken, channel } = await fill(file);
      assert.match(writer.failure ?? "", /ENOSPC/);
      const messages = readStream(file.bytes);
      assert.deepEqual(
        messages.map(({ logTime }) => logTime),
        messages.map((_, i) => BigInt(i)),
      );
      assert.ok(messages.length >= taken - 1, "only the message whose write failed is missing");
      const { statistics, lost } = writer;
      assert.equal(statistics.messageCount, BigInt(messages.length), "what was lost does not count");
      assert.equal(lost.get(channel) ?? 0, taken - messages.length, "it is known as lost");
      assert.ok(file.closed);
    }),
    { numRuns: 60 },
  );
});

test("messages beyond the memory bound are refused, and taken again once the disk has caught up", async () => {
  const file = new StalledFile();
  const writer = new McapFileWriter(file, { chunkBytes: 1000, maxPendingBytes: 5000 });
  const channel = writer.addChannel({ ...STRING, topic: "/a" });
  file.stall();
  let taken = 0;
  while (writer.append(channel, BigInt(taken), 0n, payload(taken, 400))) taken++;
  assert.ok(taken >= 8 && taken <= 12, `${taken} messages of 400 bytes fit into 5000`);
  assert.ok(writer.pendingBytes <= 5000);
  file.release();
  await writer.sync();
  assert.equal(writer.pendingBytes, 0);
  assert.ok(writer.append(channel, BigInt(taken), 0n, payload(taken, 400)));
  await writer.end();
  assert.equal((await readIndexed(file.bytes)).messages.length, taken + 1);
});
