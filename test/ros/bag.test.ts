import assert from "node:assert/strict";
import { stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";
import { deserializeMessage, isRosType } from "../../src/messages/index.ts";
import { BagReader } from "../../src/replay/bag-reader.ts";
import { recoverBag } from "../../src/replay/recover.ts";
import { verifyBag } from "../../src/replay/verify.ts";
import { missingRosPackage, runPeer, signalGroup, startPeer } from "../support/ros-peers.ts";
import { type BagPlan, buildBag, STEP_NS, testFolder } from "../unit/replay/bag-builder.ts";

const skip = missingRosPackage("rosbag2_storage_mcap", "latentloop_msgs");
const CHUNK_BYTES = 20_000;
const START_MS = 30_000;

/** Ways in which a recording of ours may lie on the disk. */
const BAGS: Readonly<Record<string, Partial<BagPlan>>> = {
  plain: {},
  lz4: { compression: "lz4", chunkBytes: CHUNK_BYTES },
  zstd: { compression: "zstd", chunkBytes: CHUNK_BYTES },
  split: { splitNs: 4n * STEP_NS },
  recovered: { unfinished: true },
};

async function makeBag(t: TestContext, plan: Partial<BagPlan>): Promise<string> {
  const folder = join(await testFolder(t), "bag");
  await buildBag({ folder, episodes: [5, 5, 5], customData: { session: "größer" }, ...plan });
  if (plan.unfinished !== true) return folder;
  const file = join(folder, "bag_0.mcap");
  await truncate(file, Math.round(0.6 * (await stat(file)).size));
  await recoverBag(folder);
  return folder;
}

/** Every message as text, in the order of the receive stamps. */
async function contentOf(folder: string): Promise<string[]> {
  const bag = await BagReader.open(folder);
  const lines: string[] = [];
  for await (const { topic, type, logTimeNs, data } of bag.messagesInTime()) {
    lines.push(`${logTimeNs} ${topic} ${type} ${Buffer.from(data).toString("base64")}`);
  }
  await bag.close();
  return lines.sort();
}

/** Every message by its values: playing gives it another receive stamp, and the middleware pads its bytes. */
async function valuesOf(folder: string): Promise<string[]> {
  const bag = await BagReader.open(folder);
  const lines: string[] = [];
  for await (const { topic, type, data } of bag.messages()) {
    assert.ok(isRosType(type), type);
    lines.push(`${topic} ${inspect(deserializeMessage(type, data), { depth: null, maxArrayLength: null })}`);
  }
  await bag.close();
  return lines;
}

/** Rewrites a bag with rosbag2; returns the folder of the new one. */
async function convert(t: TestContext, folder: string, storage: string, extra = ""): Promise<string> {
  const root = await testFolder(t);
  const target = join(root, "converted");
  const options = join(root, "convert.yaml");
  await writeFile(options, `output_bags: [{ uri: ${target}, storage_id: ${storage}, all: true${extra} }]\n`);
  const printed = await runPeer("ros2", ["bag", "convert", "-i", folder, "-o", options], START_MS);
  assert.ok((await stat(target).catch(() => undefined)) !== undefined, printed);
  return target;
}

for (const [name, plan] of Object.entries(BAGS)) {
  test(`rosbag2 reads every message of a recording of ours (${name}), and we read what it writes`, {
    skip,
  }, async (t) => {
    const folder = await makeBag(t, plan);
    const content = await contentOf(folder);
    assert.ok(content.length >= 24, `${content.length} messages`);
    const info = await runPeer("ros2", ["bag", "info", folder]);
    assert.match(info, new RegExp(`Messages: +${content.length}\\b`), info);
    assert.match(info, /Topic: \/episode \| Type: latentloop_msgs\/msg\/EpisodeEvent \| Count: [1-9]/);
    const converted = await convert(t, folder, "mcap");
    assert.deepEqual(await contentOf(converted), content);
    assert.equal((await verifyBag(converted)).ok, true);
  });
}

test("a bag that rosbag2 compressed chunk by chunk reads as it is", { skip }, async (t) => {
  const folder = await makeBag(t, {});
  const converted = await convert(t, folder, "mcap", ", storage_preset_profile: zstd_fast");
  assert.deepEqual(await contentOf(converted), await contentOf(folder));
});

test("a sqlite3 bag is refused in one sentence that names `ros2 bag convert`", { skip }, async (t) => {
  const converted = await convert(t, await makeBag(t, {}), "sqlite3");
  await assert.rejects(BagReader.open(converted), {
    code: "ERR_BAG_UNREADABLE",
    message: /holds converted_0\.db3/,
    remedy: /ros2 bag convert/,
  });
});

test("what `ros2 bag play` sends of ours, `ros2 bag record` receives unchanged, and we read its recording", {
  skip,
}, async (t) => {
  const folder = await makeBag(t, BAGS.split!);
  const target = join(await testFolder(t), "recorded");
  const topics = ["/scene/image_raw", "/joint_states", "/control/tick", "/episode"];
  const record = startPeer("ros2", ["bag", "record", "-s", "mcap", "-o", target, ...topics]);
  t.after(() => signalGroup(record.process, "SIGKILL"));
  await record.printed(/Listening for topics/, START_MS);
  await runPeer("ros2", ["bag", "play", "--delay", "3", "--disable-keyboard-controls", folder], START_MS);
  signalGroup(record.process, "SIGINT");
  await record.ended(START_MS);
  const { ok, topics: recorded } = await verifyBag(target);
  assert.deepEqual([ok, recorded.map(({ topic }) => topic).sort()], [true, topics.toSorted()], record.output());
  const sent = await valuesOf(folder);
  const received = await valuesOf(target);
  assert.ok(received.length > sent.length / 2, `${received.length} of ${sent.length} messages arrived`);
  assert.deepEqual(
    received.filter((line) => !sent.includes(line)),
    [],
  );
});
