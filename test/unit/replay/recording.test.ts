import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";
import { SENSOR_QOS } from "../../../src/core/node.ts";
import { makeEpisodeEvent, serializeMessage } from "../../../src/messages/index.ts";
import { Recording, type RecordingOptions } from "../../../src/replay/recording.ts";
import { MemoryFile, StalledFile } from "./memory-file.ts";
import { readIndexed, readStream } from "./read-mcap.ts";

async function options(t: TestContext, changes: Partial<RecordingOptions> = {}): Promise<RecordingOptions> {
  const parent = await mkdtemp(join(tmpdir(), "latentloop-test-"));
  t.after(() => rm(parent, { recursive: true, force: true }));
  return {
    folder: join(parent, "runs", "first"),
    chunkBytes: 1000,
    maxPendingBytes: 1e6,
    minFreeBytes: 0,
    customData: { session: "7" },
    ...changes,
  };
}

const text = (data: string) => serializeMessage("std_msgs/msg/String", { data });

test("a recording is a bag folder: MCAP and metadata.yaml that agree", async (t) => {
  const chosen = await options(t);
  const recording = await Recording.begin(chosen);
  const topic = recording.addTopic("/chatter", "std_msgs/msg/String", SENSOR_QOS);
  recording.addTopic("/silent", "sensor_msgs/msg/Image", SENSOR_QOS);
  for (let i = 0; i < 50; i++) topic.write(text(`${i}`), BigInt(100 + i), BigInt(i));
  await recording.end();
  assert.deepEqual((await readdir(chosen.folder)).sort(), ["first_0.mcap", "metadata.yaml"]);
  const { reader, messages } = await readIndexed(await readFile(join(chosen.folder, "first_0.mcap")));
  assert.equal(messages.length, 50);
  assert.deepEqual(messages[7]?.data, Buffer.from(text("7")));
  const metadata = await readFile(join(chosen.folder, "metadata.yaml"), "utf8");
  const information = parse(metadata).rosbag2_bagfile_information;
  assert.deepEqual(
    information.topics_with_message_count.map((entry: { topic_metadata: { name: string }; message_count: number }) => [
      entry.topic_metadata.name,
      entry.message_count,
    ]),
    [
      ["/chatter", 50],
      ["/silent", 0],
    ],
  );
  assert.deepEqual([information.duration.nanoseconds, information.custom_data], [49, { session: "7" }]);
  for await (const record of reader.readMetadata({ name: "rosbag2" })) {
    assert.equal(record.metadata.get("serialized_metadata"), metadata);
  }
});

test("a folder that exists is never written into", async (t) => {
  const chosen = await options(t);
  await (await Recording.begin(chosen)).end();
  const before = await readFile(join(chosen.folder, "first_0.mcap"));
  await assert.rejects(Recording.begin(chosen), { code: "ERR_RECORDING", message: /first.*EEXIST/ });
  assert.deepEqual(await readFile(join(chosen.folder, "first_0.mcap")), before);
});

test("a disk with too little room is refused before anything is created", async (t) => {
  const chosen = await options(t, { minFreeBytes: 1e18 });
  await assert.rejects(Recording.begin(chosen), {
    code: "ERR_RECORDING",
    message: /only \d+ MB left, less than 1000000000000 MB/,
  });
  await assert.rejects(readdir(chosen.folder), { code: "ENOENT" });
});

test("a disk that is too slow costs messages, never time: they are counted per topic, said, and noted in the bag", async (t) => {
  const file = new StalledFile();
  const recording = await Recording.begin(await options(t, { maxPendingBytes: 5000, openFile: async () => file }));
  const [loud, quiet] = ["/loud", "/quiet"].map((name) => recording.addTopic(name, "std_msgs/msg/String", SENSOR_QOS));
  file.stall();
  for (let i = 0; i < 20; i++) loud!.write(text("x".repeat(400)), BigInt(i), BigInt(i));
  assert.equal(recording.overflowing, true);
  assert.ok(loud!.dropped > 5 && recording.pendingBytes <= 5000, `${loud!.dropped} dropped`);
  assert.equal(recording.stopped, undefined);
  file.release();
  await recording.sync();
  assert.equal(recording.overflowing, false, "the disk has caught up");
  quiet!.write(text("again"), 30n, 30n);
  quiet!.lose(2);
  await recording.end();
  const drops = { "dropped /loud": String(loud!.dropped), "dropped /quiet": "2" };
  const metadata = parse(await readFile(join(recording.folder, "metadata.yaml"), "utf8"));
  assert.deepEqual(metadata.rosbag2_bagfile_information.custom_data, { session: "7", ...drops });
  const notes: unknown[] = [];
  const { reader, messages } = await readIndexed(file.bytes);
  for await (const record of reader.readMetadata({ name: "latentloop" }))
    notes.push(Object.fromEntries(record.metadata));
  assert.deepEqual(notes, [{ session: "7" }, { session: "7", ...drops }], "at the begin, and when drops were new");
  assert.equal(messages.length, 21 - loud!.dropped);
});

test("an episode's end is on the disk before anything else asks for it, with the drops so far", async (t) => {
  const file = new MemoryFile();
  const recording = await Recording.begin(await options(t, { openFile: async () => file }));
  const topic = recording.addTopic("/episode", "latentloop_msgs/msg/EpisodeEvent", SENSOR_QOS);
  const syncs = file.syncs;
  topic.lose(3);
  for (const kind of ["begin", "end"] as const) {
    topic.write(serializeMessage("latentloop_msgs/msg/EpisodeEvent", makeEpisodeEvent(kind, 1n)), 1n, 1n);
  }
  while (file.syncs === syncs) await new Promise(setImmediate);
  assert.equal(readStream(file.bytes).length, 2);
  assert.ok(file.bytes.includes("dropped /episode"));
  await recording.end();
});

test("a recording that fails at its first bytes leaves nothing, and closes its file", async (t) => {
  const file = new MemoryFile(3);
  const chosen = await options(t, { openFile: async () => file });
  await assert.rejects(Recording.begin(chosen), { code: "ERR_RECORDING", message: /ENOSPC/ });
  assert.deepEqual([file.closed, file.bytes.length], [true, 0]);
  await assert.rejects(readdir(chosen.folder), { code: "ENOENT" });
});

/** A disk that is full for a moment. */
class LateFile extends MemoryFile {
  #writes = 0;

  override async write(bytes: Uint8Array): Promise<void> {
    if (this.#writes++ === 0) throw new Error("ENOSPC: no space left on device, write");
    await super.write(bytes);
  }
}

test("a later file that could not be begun stays empty, also when there is room again", async (t) => {
  const files: MemoryFile[] = [];
  const openFile = async () => {
    files.push(files.length === 0 ? new MemoryFile() : new LateFile());
    return files.at(-1)!;
  };
  const recording = await Recording.begin(await options(t, { openFile, splitBytes: 1 }));
  const topic = recording.addTopic("/chatter", "std_msgs/msg/String", SENSOR_QOS);
  for (let i = 0; i < 2; i++) topic.write(text("one"), BigInt(i), 0n);
  await assert.rejects(recording.end(), { code: "ERR_RECORDING", message: /ENOSPC/ });
  assert.deepEqual(
    files.map(({ bytes }) => readStream(bytes).length),
    [1, 0],
  );
  assert.deepEqual([files[1]!.bytes.length, topic.dropped], [0, 1]);
});

test("episodes are listed as finished only while every event is in the bag", async (t) => {
  const type = "latentloop_msgs/msg/EpisodeEvent";
  const listed = async (room: number) => {
    const file = new MemoryFile(room);
    const recording = await Recording.begin(await options(t, { openFile: async () => file }));
    const topic = recording.addTopic("/episode", type, SENSOR_QOS);
    const write = async (kind: "begin" | "end", episode: number) => {
      topic.write(serializeMessage(type, makeEpisodeEvent(kind, 1n, { episode })), 1n, 1n);
      await recording.sync();
    };
    await write("begin", 0);
    await write("end", 0);
    const used = file.bytes.length;
    await write("begin", 1);
    await write("end", 1);
    await recording.end().catch(() => {});
    const metadata = parse(await readFile(join(recording.folder, "metadata.yaml"), "utf8"));
    return { used, finished: metadata.rosbag2_bagfile_information.custom_data.finished_episodes };
  };
  const { used, finished } = await listed(1e6);
  assert.equal(finished, "0-1");
  assert.equal((await listed(used + 100)).finished, undefined, "the disk was full before the end of episode 1");
});

test("a split goes on counting: memory is bounded over all files that still wait for the disk", async (t) => {
  const files: StalledFile[] = [];
  const openFile = async () => {
    const file = new StalledFile();
    if (files.length > 0) file.stall();
    files.push(file);
    return file;
  };
  const recording = await Recording.begin(await options(t, { maxPendingBytes: 8000, splitBytes: 3000, openFile }));
  const topic = recording.addTopic("/chatter", "std_msgs/msg/String", SENSOR_QOS);
  for (let i = 0; i < 60; i++) {
    topic.write(text("x".repeat(400)), BigInt(i), BigInt(i));
    assert.ok(recording.pendingBytes <= 8000);
    await new Promise(setImmediate);
  }
  assert.ok(files.length >= 2 && topic.dropped > 20, `${files.length} files, ${topic.dropped} dropped`);
  const disk = setInterval(() => {
    for (const file of files) file.release();
  }, 1);
  await recording.end();
  clearInterval(disk);
  const kept = files.map(({ bytes }) => readStream(bytes).length);
  assert.equal(
    kept.reduce((sum, count) => sum + count, 0),
    60 - topic.dropped,
  );
});

test("a disk that fills up ends the recording, counts what it lost, and leaves what was written readable", async (t) => {
  const file = new MemoryFile(5000);
  const recording = await Recording.begin(await options(t, { openFile: async () => file }));
  const topic = recording.addTopic("/chatter", "std_msgs/msg/String", SENSOR_QOS);
  for (let i = 0; i < 100; i++) {
    topic.write(text("x".repeat(80)), BigInt(i), BigInt(i));
    if (i % 10 === 9) await recording.sync();
  }
  assert.match(recording.stopped ?? "", /ENOSPC/);
  await assert.rejects(recording.end(), { code: "ERR_RECORDING", message: /ended early: ENOSPC/ });
  const kept = readStream(file.bytes).length;
  assert.ok(kept > 0);
  assert.equal(kept + topic.dropped, 100, "each message is in the file or counted");
});
