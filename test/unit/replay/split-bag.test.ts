import assert from "node:assert/strict";
import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";
import { Rng } from "../../../src/core/rng.ts";
import { allocateData, elementCount } from "../../../src/core/tensor.ts";
import { BagReader } from "../../../src/replay/bag-reader.ts";
import { readEpisodes } from "../../../src/replay/episodes.ts";
import { recoverBag } from "../../../src/replay/recover.ts";
import { ReplayIndex } from "../../../src/replay/replay-index.ts";
import { SequenceSampler } from "../../../src/replay/sequence-sampler.ts";
import { verifyBag } from "../../../src/replay/verify.ts";
import { type BagPlan, buildBag, pixelOf, STEP_NS, testFolder } from "./bag-builder.ts";
import { readIndexed } from "./read-mcap.ts";

async function splitBag(t: TestContext, plan: Partial<BagPlan>) {
  const folder = join(await testFolder(t), "bag");
  const recording = await buildBag({ folder, episodes: [5, 5, 5, 5], ...plan });
  const files = (await readdir(folder)).filter((name) => name.endsWith(".mcap")).sort();
  return { folder, files, recording };
}

/** Numbers of the episodes that have events in each file. */
async function episodesByFile(folder: string, files: readonly string[]): Promise<number[][]> {
  const numbers: number[][] = [];
  for (const file of files) {
    const bag = await BagReader.open(join(folder, file));
    const { episodes, troubles } = await readEpisodes(bag);
    const torn = troubles.map(({ what }) => Number(/episode (\d+)/.exec(what)?.[1]));
    numbers.push([...new Set([...torn, ...episodes.map(({ number }) => number)])]);
    await bag.close();
  }
  return numbers;
}

test("a file that has reached its size is followed by another, and no episode is torn", async (t) => {
  const { folder, files } = await splitBag(t, { splitBytes: 13_000 });
  assert.ok(files.length > 1, files.join());
  const numbers = await episodesByFile(folder, files);
  assert.deepEqual(numbers.flat(), [0, 1, 2, 3], "each episode lies in one file");
});

test("a file that has reached its age is followed by another, and no episode is torn", async (t) => {
  const { folder, files } = await splitBag(t, { splitNs: 4n * STEP_NS });
  assert.deepEqual(await episodesByFile(folder, files), [[0], [1], [2], [3], []], "behind the end comes the rest");
});

test("an episode that is longer than twice the measure is torn, and reads as one", async (t) => {
  const { folder, files } = await splitBag(t, { episodes: [40], splitNs: 8n * STEP_NS });
  assert.deepEqual(await episodesByFile(folder, files), [[0], [0], [0], []]);
  const { ok, findings, episodes } = await verifyBag(folder);
  assert.deepEqual([ok, findings, episodes.map(({ steps }) => steps.length)], [true, [], [41]]);
});

test("metadata.yaml lists every file with its own times and count, and each file is whole by itself", async (t) => {
  const { folder, files } = await splitBag(t, { splitNs: 4n * STEP_NS, customData: { session: "7" } });
  const information = parse(await readFile(join(folder, "metadata.yaml"), "utf8")).rosbag2_bagfile_information;
  assert.deepEqual(information.relative_file_paths, files);
  let sum = 0;
  for (const [i, name] of files.entries()) {
    const { messages } = await readIndexed(await readFile(join(folder, name)));
    const stated = information.files[i];
    assert.deepEqual([stated.path, stated.message_count], [name, messages.length]);
    assert.equal(BigInt(stated.duration.nanoseconds), messages.at(-1)!.logTime - messages[0]!.logTime);
    sum += messages.length;
  }
  assert.deepEqual([information.message_count, sum], [96, 96]);
  assert.deepEqual(information.custom_data, { session: "7", finished_episodes: "0-3" });
});

test("index, sampler and verify take a split bag as one", async (t) => {
  const { folder } = await splitBag(t, { splitNs: 4n * STEP_NS, compression: "zstd" });
  assert.deepEqual((await verifyBag(folder)).findings, []);
  const index = await ReplayIndex.open(folder);
  const sampler = new SequenceSampler(index, {
    length: 12,
    batch: 4,
    cameras: [{ name: "scene", width: 2, height: 2 }],
    proprioception: [
      { name: "a.position", offset: 0, scale: 1 },
      { name: "b.position", offset: 0, scale: 1 },
    ],
    border: "cross",
    nStep: 1,
    discount: 1,
    cacheBytes: 1e6,
    threads: 1,
  });
  t.after(async () => {
    await sampler.close();
    await index.close();
  });
  assert.deepEqual([index.episodes.length, index.frames], [4, 24]);
  const arrays = Object.fromEntries(
    sampler.specs.map(({ name, shape, dtype }) => [name, allocateData(dtype, elementCount(shape))]),
  );
  await sampler.fill(arrays, new Rng(3));
  const { image_scene: images, proprioception } = arrays as Record<string, Float32Array>;
  for (let place = 0; place < 48; place++) {
    const [episode, step] = proprioception!.subarray(2 * place);
    assert.equal(images![12 * place], pixelOf(episode!, step!));
  }
});

test("a recorder killed in its third file leaves a bag that recovers with its custom data", async (t) => {
  const { folder, files } = await splitBag(t, { splitNs: 4n * STEP_NS, customData: { session: "größer" } });
  await rm(join(folder, "metadata.yaml"));
  await rm(join(folder, files[4]!));
  await writeFile(join(folder, files[3]!), ""); // created, not written to yet
  const third = join(folder, files[2]!);
  await truncate(third, (await readFile(third)).length - 1500);
  const recovery = await recoverBag(folder);
  assert.deepEqual(
    recovery.files.map(({ original }) => original === undefined),
    [true, true, false],
  );
  const bag = await BagReader.open(folder);
  t.after(() => bag.close());
  assert.equal(bag.customData.session, "größer");
  const { ok, findings } = await verifyBag(folder);
  assert.ok(ok, JSON.stringify(findings));
});

test("a reader of a bag that is being written takes in the files that follow", async (t) => {
  const folder = join(await testFolder(t), "live");
  const recording = await buildBag({ folder, episodes: [3], unfinished: true, splitNs: 2n * STEP_NS });
  const index = await ReplayIndex.open(folder);
  t.after(() => index.close());
  assert.equal(index.episodes.length, 1);
  const bag = await BagReader.open(folder);
  const again: { topic: string; data: Uint8Array; logTimeNs: bigint }[] = [];
  for await (const message of bag.messages()) again.push(message);
  await bag.close();
  for (const { topic, data, logTimeNs } of again) {
    const target = recording.topics.find(({ name }) => name === topic);
    target?.write(data, logTimeNs + 10n ** 9n, logTimeNs);
  }
  await recording.sync();
  assert.ok((await readdir(folder)).length > 1);
  assert.equal(await index.refresh(), 1, "the same episode once more, from the next file");
  await recording.end();
});
