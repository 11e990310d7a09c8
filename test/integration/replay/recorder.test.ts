import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { LATCHED_QOS } from "../../../src/core/node.ts";
import { Rng } from "../../../src/core/rng.ts";
import { deserializeMessage, makeEpisodeEvent, type RosType } from "../../../src/messages/index.ts";
import { launchSchema, resolveLaunch } from "../../../src/nodes/host/launch-description.ts";
import { NodeHost } from "../../../src/nodes/host/node-host.ts";
import { BagReader } from "../../../src/replay/bag-reader.ts";
import { readIndexed } from "../../unit/replay/read-mcap.ts";

async function recorderHost(t: TestContext, parameters: object, process = "main") {
  const folder = await mkdtemp(join(tmpdir(), "latentloop-test-"));
  const description = launchSchema.parse({
    name: "recording",
    namespace: "/lab",
    nodes: [
      { name: "recorder", kind: "recorder", process, parameters: { folder, minFreeMegabytes: 0, ...parameters } },
    ],
  });
  const logged: string[] = [];
  const host = await NodeHost.start(await resolveLaunch(description, "."), {
    onLog: ({ message }) => void logged.push(message),
  });
  t.after(async () => {
    await host.stop();
    await rm(folder, { recursive: true, force: true });
  });
  /** The file of the recording, once the host has stopped. */
  const read = async () => {
    const [bag = ""] = await readdir(folder);
    return readIndexed(await readFile(join(folder, bag, `${bag}_0.mcap`)));
  };
  return { host, folder, logged, read };
}

const EPISODES: { name: string; type: RosType } = { name: "episodes", type: "latentloop_msgs/msg/EpisodeEvent" };
const CHATTER: { name: string; type: RosType } = { name: "chatter", type: "std_msgs/msg/String" };

/** Settles when a topic of the graph has said this. */
function hears<T extends "std_msgs/msg/String" | "std_msgs/msg/Bool">(
  host: NodeHost,
  topic: string,
  type: T,
  data: unknown,
) {
  return new Promise<void>((resolve) => {
    host.context.subscribe(topic, type, (message) => message.data === data && resolve(), LATCHED_QOS);
  });
}

for (const process of ["main", "other"]) {
  test(`what nodes published until the stop is in the bag, by its full name (recorder in process '${process}')`, {
    timeout: 240_000,
  }, async (t) => {
    const { host, read, logged } = await recorderHost(t, { topics: [CHATTER, EPISODES] }, process);
    await hears(host, "/lab/recorder/recording", "std_msgs/msg/Bool", true);
    const chatter = host.context.publisher("/lab/chatter", "std_msgs/msg/String", { ...LATCHED_QOS, depth: 200 });
    const episodes = host.context.publisher("/lab/episodes", "latentloop_msgs/msg/EpisodeEvent", {
      ...LATCHED_QOS,
      depth: 200,
    });
    for (let step = 0; step < 60; step++) chatter.publish({ data: `Schritt ${step} ✓` });
    const end = { episode: 1, step: 60, is_terminal: true, success: true };
    episodes.publish(makeEpisodeEvent("end", host.context.clock.rosNs(), end));
    if (process !== "main") await untilRecorded(host, 61);
    await host.stop();
    const { messages } = await read();
    const texts = messages
      .filter(({ topic }) => topic === "/lab/chatter")
      .map(({ data }) => deserializeMessage("std_msgs/msg/String", data).data);
    assert.deepEqual(
      texts,
      Array.from({ length: 60 }, (_, step) => `Schritt ${step} ✓`),
    );
    assert.equal(messages.filter(({ topic }) => topic === "/lab/episodes").length, 1);
    for (const { logTime, publishTime } of messages) assert.ok(logTime >= publishTime, "received after it was sent");
    assert.ok(
      logged.some((line) => /Recorded 61 messages/.test(line)),
      logged.join("\n"),
    );
  });
}

/** Settles when the recorder reports so many messages. */
async function untilRecorded(host: NodeHost, count: number): Promise<void> {
  await new Promise<void>((resolve) => {
    host.context.subscribe("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", ({ status }) => {
      const recording = status.find(({ name }) => name === "recorder: recording");
      if (recording?.values.some(({ key, value }) => key === "messages" && value === String(count))) resolve();
    });
  });
}

test("a recorder splits, compresses and hashes as its parameters say", { timeout: 240_000 }, async (t) => {
  const hashedFiles = [join(await mkdtemp(join(tmpdir(), "latentloop-test-")), "manifest.json")];
  t.after(() => rm(dirname(hashedFiles[0]!), { recursive: true, force: true }));
  await writeFile(hashedFiles[0]!, "{}");
  const layout = { chunkKilobytes: 4, splitMegabytes: 0.01, compression: "zstd", hashedFiles };
  const { host, folder } = await recorderHost(t, { topics: [{ ...CHATTER, depth: 256 }], ...layout });
  await hears(host, "/lab/recorder/recording", "std_msgs/msg/Bool", true);
  const chatter = host.context.publisher("/lab/chatter", "std_msgs/msg/String", { ...LATCHED_QOS, depth: 200 });
  const rng = new Rng(1);
  const digits = () => Array.from({ length: 1000 }, () => rng.integer(10)).join("");
  for (let i = 0; i < 60; i++) chatter.publish({ data: digits() });
  await untilRecorded(host, 60);
  await host.stop();
  const [name = ""] = await readdir(folder);
  const bag = await BagReader.open(join(folder, name));
  t.after(() => bag.close());
  assert.ok(bag.files.length > 3, `${bag.files.length} files`);
  assert.equal(bag.statedMessages, 60);
  const emptyObject = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"; // printf {} | sha256sum
  assert.equal(bag.customData[`sha256 ${hashedFiles[0]}`], emptyObject);
  const { reader } = await readIndexed(await readFile(bag.files[0]!.path));
  assert.ok(reader.chunkIndexes.some(({ compression }) => compression === "zstd"));
});

test("a file that is to be hashed and is not there ends the start with its name", { timeout: 240_000 }, async (t) => {
  const missing = { topics: [CHATTER], hashedFiles: ["/nowhere/manifest.json"] };
  await assert.rejects(recorderHost(t, missing), { message: /nowhere\/manifest\.json.*ENOENT/ });
});

test("a disk without room ends the start with one clear error", { timeout: 240_000 }, async (t) => {
  await assert.rejects(recorderHost(t, { topics: [CHATTER], minFreeMegabytes: 1e12 }), {
    code: "ERR_RECORDING",
    message: /'recorder' failed to activate.*MB left/,
  });
});

test("a topic of an unknown type is refused before anything starts", { timeout: 240_000 }, async (t) => {
  await assert.rejects(recorderHost(t, { topics: [{ name: "sonar", type: "sensor_msgs/msg/Sonar" }] }), {
    code: "ERR_INVALID_VALUE",
    message: /sensor_msgs\/msg\/Sonar/,
  });
});
