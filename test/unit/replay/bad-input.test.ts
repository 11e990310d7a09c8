import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DEFAULT_QOS } from "../../../src/core/node.ts";
import {
  imageToMessage,
  kindOfStep,
  makeEpisodeEvent,
  makeHeader,
  type RosType,
  serializeMessage,
} from "../../../src/messages/index.ts";
import { BagReader } from "../../../src/replay/bag-reader.ts";
import { openFolderDataset } from "../../../src/replay/datasets/folder-dataset.ts";
import { openReplayDataset } from "../../../src/replay/datasets/replay-dataset.ts";
import { writeLeRobot } from "../../../src/replay/datasets/write-lerobot.ts";
import { writeReplay } from "../../../src/replay/datasets/write-replay.ts";
import { Recording } from "../../../src/replay/recording.ts";
import { recoverBag } from "../../../src/replay/recover.ts";
import { ReplayIndex } from "../../../src/replay/replay-index.ts";
import { missingFfmpeg } from "../../support/missing-ffmpeg.ts";
import { buildBag, START_NS, STEP_NS, testFolder } from "./bag-builder.ts";

const OPTIONS = { chunkBytes: 1e5, maxPendingBytes: 1e8, minFreeBytes: 0, customData: {} };
const NOBODY = 65_534;

/** A bag of one episode of three events, with what each event is accompanied by. */
async function episodeBag(
  t: TestContext,
  atStep: (add: (topic: string, type: RosType, cdr: Uint8Array, stampNs: bigint) => void, step: number) => void,
): Promise<string> {
  const folder = join(await testFolder(t), "bag");
  const recording = await Recording.begin({ folder, ...OPTIONS });
  const topics = new Map<string, ReturnType<Recording["addTopic"]>>();
  const add = (name: string, type: RosType, cdr: Uint8Array, stampNs: bigint) => {
    const topic = topics.get(name) ?? recording.addTopic(name, type, DEFAULT_QOS);
    topics.set(name, topic);
    topic.write(cdr, stampNs, stampNs);
  };
  for (let step = 0; step < 3; step++) {
    const stampNs = START_NS + BigInt(step) * STEP_NS;
    atStep(add, step);
    const event = makeEpisodeEvent(kindOfStep(step, 2), stampNs, { step });
    add(
      "/episode",
      "latentloop_msgs/msg/EpisodeEvent",
      serializeMessage("latentloop_msgs/msg/EpisodeEvent", event),
      stampNs,
    );
  }
  await recording.end();
  return folder;
}

const at = (step: number) => START_NS + BigInt(step) * STEP_NS;
const joints = (stampNs: bigint, position: number) =>
  serializeMessage("sensor_msgs/msg/JointState", {
    header: makeHeader(stampNs),
    name: ["a"],
    position: [position],
    velocity: [],
    effort: [],
  });

function picture(size: number, stampNs: bigint): Uint8Array {
  const data = new Uint8Array(size * size * 3);
  const image = { encoding: "rgb8", width: size, height: size, stride: 3 * size, data, stampNs } as const;
  return serializeMessage("sensor_msgs/msg/Image", imageToMessage(image, "scene"));
}

test("a recording without joint states, or without actions, is refused by the topic's name", async (t) => {
  const bare = await episodeBag(t, () => {});
  await assert.rejects(ReplayIndex.open(bare), { code: "ERR_BAG_TOPIC", message: /Expected joint_states in .*bag/ });
  const still = await episodeBag(t, (add, step) =>
    add("/joint_states", "sensor_msgs/msg/JointState", joints(at(step), step), at(step)),
  );
  await assert.rejects(ReplayIndex.open(still), { code: "ERR_BAG_TOPIC", message: /control\/tick \(or action\)/ });
});

test("a recording of another robot among others is refused by both names", async (t) => {
  const root = await testFolder(t);
  await buildBag({ folder: join(root, "a"), episodes: [3] });
  const folder = join(root, "b");
  const recording = await Recording.begin({ folder, ...OPTIONS });
  await recording.end();
  const source = await openFolderDataset(await folderEpisode(t, [8, 8, 8]), { rateHz: 5 });
  await writeReplay(source, join(root, "c"));
  await assert.rejects(ReplayIndex.open(root), { code: "ERR_BAG_TOPIC", message: /action_0, action_1 .*axis 0/ });
});

test("frames of mixed sizes stop an export with the camera, both sizes and the episode", {
  skip: missingFfmpeg(),
}, async (t) => {
  const folder = await episodeBag(t, (add, step) => {
    add("/scene/image_raw", "sensor_msgs/msg/Image", picture(step === 1 ? 16 : 8, at(step)), at(step));
    add("/joint_states", "sensor_msgs/msg/JointState", joints(at(step), step), at(step));
    add("/action", "sensor_msgs/msg/JointState", joints(at(step), step), at(step));
  });
  const bags = await openReplayDataset(folder);
  t.after(() => bags.close());
  const out = join(await testFolder(t), "lerobot");
  await assert.rejects(writeLeRobot(bags, out, { codec: "h264", robotType: "test" }), {
    code: "ERR_IMAGE_SIZE",
    message: /images of 8×8 from scene but received 16×16 in episode 0/,
  });
  await assert.rejects(readFile(join(out, "meta/info.json")), { code: "ENOENT" });
});

test("joint states that were recorded out of order are taken in the order of their stamps", async (t) => {
  const order = [2, 0, 1];
  const folder = await episodeBag(t, (add, step) => {
    const captured = order[step]!;
    add("/joint_states", "sensor_msgs/msg/JointState", joints(at(captured), captured), at(step));
    add("/action", "sensor_msgs/msg/JointState", joints(at(step), step), at(step));
  });
  const index = await ReplayIndex.open(folder);
  t.after(() => index.close());
  assert.deepEqual(Array.from(index.episodes[0]!.table.position), [0, 1, 2]);
});

test("topics, notes, tasks and folder names in any script come back as they were", async (t) => {
  const folder = join(await testFolder(t), "записи 録画 ✓");
  await buildBag({ folder, episodes: [2], customData: { сеанс: "七 🤖" } });
  const bag = await BagReader.open(folder);
  t.after(() => bag.close());
  assert.deepEqual(bag.customData, { сеанс: "七 🤖", finished_episodes: "0" });
  const index = await ReplayIndex.open(folder);
  t.after(() => index.close());
  assert.equal(index.episodes[0]?.table.episode.task, "größer greifen");
});

test("a sqlite3 bag, and one that rosbag2 compressed file by file, are refused with what converts them", async (t) => {
  for (const name of ["run_0.db3", "run_0.mcap.zstd"]) {
    const folder = await testFolder(t);
    await writeFile(join(folder, name), "");
    await assert.rejects(BagReader.open(folder), {
      code: "ERR_BAG_UNREADABLE",
      message: new RegExp(`Expected \\.mcap files in .* but it holds ${name}`),
      remedy: /ros2 bag convert/,
    });
  }
});

test("a folder without the right to write: recording, recovery and converters refuse in one sentence and leave all as it was", async (t) => {
  const root = await testFolder(t);
  const bag = join(root, "bag");
  await buildBag({ folder: bag, episodes: [4] });
  const source = await folderEpisode(t, [8, 8, 8]);
  const dataset = await openFolderDataset(source, { rateHz: 5 });
  await truncate(join(bag, "bag_0.mcap"), 4000);
  const before = await readdir(root, { recursive: true });
  for (const folder of [bag, root]) await chmod(folder, 0o555);
  await withoutRights(async () => {
    const refusal = (code: string) => ({ code, message: /Expected [^\n]*(EACCES|EPERM)[^\n]*\.$/ });
    await assert.rejects(Recording.begin({ folder: join(root, "new"), ...OPTIONS }), refusal("ERR_RECORDING"));
    await assert.rejects(recoverBag(bag), refusal("ERR_RECORDING"));
    await assert.rejects(writeReplay(dataset, join(root, "bags")), refusal("ERR_NOT_WRITABLE"));
    const options = { codec: "h264", robotType: "test" } as const;
    await assert.rejects(writeLeRobot(dataset, join(root, "lerobot"), options), refusal("ERR_NOT_WRITABLE"));
  });
  for (const folder of [root, bag]) await chmod(folder, 0o755);
  assert.deepEqual(await readdir(root, { recursive: true }), before);
});

test("a bag in a folder without the right to write is read, without a stored index", async (t) => {
  const root = await testFolder(t);
  const folder = join(root, "bag");
  await buildBag({ folder, episodes: [4] });
  for (const path of [folder, root]) await chmod(path, 0o555);
  await withoutRights(async () => {
    const index = await ReplayIndex.open(folder);
    assert.equal(index.frames, 5);
    await index.close();
  });
  for (const path of [root, folder]) await chmod(path, 0o755);
  assert.deepEqual((await readdir(folder)).sort(), ["bag_0.mcap", "metadata.yaml"]);
});

/** As somebody whom the rights of folders bind: root is bound by none. */
async function withoutRights(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

/** A folder with one episode whose images have these sizes. */
async function folderEpisode(t: TestContext, sizes: readonly number[]): Promise<string> {
  const root = await testFolder(t);
  await chmod(root, 0o755);
  const folder = join(root, "episode_0");
  await mkdir(folder);
  const rows = sizes.map((_, step) => [step]);
  const content = { action_names: ["axis 0"], state_names: ["a"], action: rows, state: rows };
  await writeFile(join(folder, "episode.json"), JSON.stringify(content));
  return root;
}
