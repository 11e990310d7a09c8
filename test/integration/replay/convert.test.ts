import assert from "node:assert/strict";

import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import sharp from "sharp";
import { compareDatasets } from "../../../src/replay/datasets/compare.ts";
import type { Dataset } from "../../../src/replay/datasets/dataset.ts";
import { openFolderDataset } from "../../../src/replay/datasets/folder-dataset.ts";
import { openLeRobotDataset } from "../../../src/replay/datasets/lerobot-dataset.ts";
import { openDataset } from "../../../src/replay/datasets/open-dataset.ts";
import { readParquet } from "../../../src/replay/datasets/parquet.ts";
import { openReplayDataset } from "../../../src/replay/datasets/replay-dataset.ts";
import { writeLeRobot } from "../../../src/replay/datasets/write-lerobot.ts";
import { writeReplay } from "../../../src/replay/datasets/write-replay.ts";
import { missingFfmpeg } from "../../support/missing-ffmpeg.ts";
import { buildBag, testFolder } from "../../unit/replay/bag-builder.ts";

const needsFfmpeg = { skip: missingFfmpeg(), timeout: 600_000 };
const OPTIONS = { codec: "h264", robotType: "test" } as const;

/** Nobody said what its steps were worth. */
const UNSCORED = 2;

/** Folders of episodes with two cameras of smooth pictures. */
async function makeFolders(root: string, lengths: readonly number[]): Promise<void> {
  for (const [episode, length] of lengths.entries()) {
    const folder = join(root, `episode_${episode}`);
    await mkdir(folder, { recursive: true });
    const rows = (width: number, scale: number) =>
      Array.from({ length }, (_, step) =>
        Array.from({ length: width }, (_, i) => scale * (episode + step / 10 + i / 100)),
      );
    const names = (width: number) => Array.from({ length: width }, (_, i) => `axis ${i}`);
    const content = {
      instruction: `Schüssel ${episode % 2} ✓`,
      action_names: names(2),
      state_names: names(3),
      action: rows(2, 1),
      state: rows(3, -1),
      ...(episode !== UNSCORED && { reward: Array.from({ length }, (_, step) => step) }),
      success: episode === 1,
    };
    await writeFile(join(folder, "episode.json"), JSON.stringify(content));
    for (const [camera, hue] of [
      ["front", 40],
      ["wrist", 160],
    ] as const) {
      for (let step = 0; step < length; step++) {
        const background = { r: hue, g: 20 * step, b: 60 * episode };
        const picture = sharp({ create: { width: 32, height: 24, channels: 3, background } });
        await picture.jpeg().toFile(join(folder, `${camera}_${String(step).padStart(3, "0")}.jpg`));
      }
    }
  }
}

async function closing(t: TestContext, dataset: Promise<Dataset>): Promise<Dataset> {
  const open = await dataset;
  t.after(() => open.close());
  return open;
}

test(
  "folders → bags → LeRobot v3 → bags keeps actions, states, stamps, rewards and tasks, and frames within the codec",
  needsFfmpeg,
  async (t) => {
    const root = await testFolder(t);
    const at = (name: string) => join(root, name);
    await makeFolders(at("source"), [5, 3, 4]);
    const source = await closing(t, openFolderDataset(at("source"), { rateHz: 5 }));
    await writeReplay(source, at("bags"));
    const bags = await closing(t, openReplayDataset(at("bags")));
    assert.equal((await compareDatasets(source, bags)).worstFrameError, 0, "JPEG is kept as it is");
    await writeLeRobot(bags, at("lerobot"), OPTIONS);
    const lerobot = await closing(t, openDataset(at("lerobot"), { rateHz: 1 }));
    const { steps, frames, worstFrameError } = await compareDatasets(bags, lerobot);
    assert.deepEqual([steps, frames], [12, 24]);
    assert.ok(worstFrameError < 4, `a frame differs by ${worstFrameError} of 255`);
    await writeReplay(lerobot, at("again"));
    const again = await closing(t, openReplayDataset(at("again")));
    assert.equal((await compareDatasets(lerobot, again)).worstFrameError, 0, "decoded pictures are kept without loss");
    await compareDatasets(source, again);
    assert.ok((await again.episode(UNSCORED)).reward.every(Number.isNaN));
    const stats = JSON.parse(await readFile(join(at("lerobot"), "meta/stats.json"), "utf8"));
    assert.deepEqual([stats["next.reward"].max, stats["next.reward"].count], [[4], [12]], "numbers all");
  },
);

test(
  "a LeRobot data set has the layout, indices, tasks and statistics that its readers expect",
  needsFfmpeg,
  async (t) => {
    const root = await testFolder(t);
    await makeFolders(join(root, "source"), [5, 3]);
    const out = join(root, "lerobot");
    await writeLeRobot(await openFolderDataset(join(root, "source"), { rateHz: 5 }), out, OPTIONS);
    const info = JSON.parse(await readFile(join(out, "meta/info.json"), "utf8"));
    assert.deepEqual(
      [info.codebase_version, info.fps, info.total_episodes, info.total_frames, info.total_tasks, info.splits],
      ["v3.0", 5, 2, 8, 2, { train: "0:2" }],
    );
    assert.deepEqual(info.features["observation.images.wrist"].shape, [24, 32, 3]);
    const data = [
      ...(await readParquet(join(out, "data/chunk-000/file-000.parquet"))),
      ...(await readParquet(join(out, "data/chunk-000/file-001.parquet"))),
    ];
    assert.deepEqual(
      data.map(({ index, episode_index, frame_index }) => [index, episode_index, frame_index].map(Number)),
      [...Array(8).keys()].map((i) => [i, i < 5 ? 0 : 1, i < 5 ? i : i - 5]),
    );
    assert.deepEqual(
      data.map((row) => row["next.done"]),
      [false, false, false, false, true, false, false, true],
    );
    for (const { timestamp, frame_index } of data) assert.equal(timestamp, Math.fround(Number(frame_index) / 5));
    const tasks = await readParquet(join(out, "meta/tasks.parquet"));
    assert.deepEqual(
      tasks.map(({ task }) => task),
      ["Schüssel 0 ✓", "Schüssel 1 ✓"],
    );
    const [, second] = await readParquet(join(out, "meta/episodes/chunk-000/file-000.parquet"));
    assert.deepEqual([second?.dataset_from_index, second?.dataset_to_index, second?.length].map(Number), [5, 8, 3]);
    assert.equal(second?.["videos/observation.images.front/to_timestamp"], 0.6);
    const stats = JSON.parse(await readFile(join(out, "meta/stats.json"), "utf8"));
    const first = data.map((row) => (row.action as number[])[0]!);
    assert.ok(Math.abs(stats.action.mean[0] - first.reduce((sum, value) => sum + value / 8, 0)) < 1e-6);
    assert.deepEqual([stats["observation.images.front"].q90.length, stats["observation.images.front"].count], [3, [8]]);
    assert.deepEqual(Object.keys(stats.action), [
      "min",
      "max",
      "mean",
      "std",
      "count",
      "q01",
      "q10",
      "q50",
      "q90",
      "q99",
    ]);
    const figures = (name: string) => second?.[`stats/${name}`];
    assert.deepEqual([figures("action/count"), figures("observation.images.wrist/count")], [[3n], [3n]]);
    assert.equal(
      (figures("observation.images.wrist/q50") as number[][][])[2]?.[0]?.length,
      1,
      "of the shape [3, 1, 1]",
    );
  },
);

test("an interrupted export goes on behind its whole files and ends as one in a single run", needsFfmpeg, async (t) => {
  const root = await testFolder(t);
  await makeFolders(join(root, "source"), [3, 3, 3]);
  const source = await openFolderDataset(join(root, "source"), { rateHz: 5 });
  const out = join(root, "lerobot");
  const stop = new Error("stopped");
  const onEpisode = (done: number) => {
    if (done === 2) throw stop;
  };
  await assert.rejects(writeLeRobot(source, out, { ...OPTIONS, onEpisode }), stop);
  await assert.rejects(openLeRobotDataset(out), { code: "ERR_DATASET_UNREADABLE" });
  const video = join(out, "videos/observation.images.front/chunk-000/file-000.mp4");
  const before = (await stat(video)).mtimeMs;
  const others: readonly [Dataset, string][] = [
    [source, "av1"],
    [{ ...source, path: join(root, "other") }, "h264"],
    [{ ...source, rateHz: 10 }, "h264"],
  ];
  for (const [data, codec] of others) {
    await assert.rejects(writeLeRobot(data, out, { ...OPTIONS, codec: codec as "av1" }), {
      code: "ERR_BAG_EXISTS",
      message: /unfinished one of .*source/,
    });
  }
  const shifted: Dataset = { ...source, episode: (number) => source.episode((number + 1) % 3) };
  await assert.rejects(writeLeRobot(shifted, out, OPTIONS), {
    code: "ERR_BAG_EXISTS",
    message: /episode 0 is another/,
  });
  await writeLeRobot(source, out, OPTIONS);
  assert.deepEqual((await readdir(join(out, "meta"))).sort(), ["episodes", "info.json", "stats.json", "tasks.parquet"]);
  assert.equal((await stat(video)).mtimeMs, before, "a whole file is left as it is");
  await compareDatasets(source, await openLeRobotDataset(out));
  await assert.rejects(writeLeRobot(source, out, OPTIONS), { code: "ERR_BAG_EXISTS" });
});

test("without ffmpeg an export ends with what to install", async (t) => {
  const root = await testFolder(t);
  await makeFolders(join(root, "source"), [3]);
  const source = await openFolderDataset(join(root, "source"), { rateHz: 5 });
  const path = process.env.PATH;
  process.env.PATH = join(root, "nothing");
  t.after(() => {
    process.env.PATH = path;
  });
  await assert.rejects(writeLeRobot(source, join(root, "lerobot"), OPTIONS), {
    code: "ERR_FFMPEG",
    message: /Expected ffmpeg on the PATH/,
    remedy: /apt install ffmpeg/,
  });
});

test("an interrupted import leaves whole bags only, and goes on behind them", async (t) => {
  const root = await testFolder(t);
  await makeFolders(join(root, "source"), [3, 3, 3]);
  const source = await openFolderDataset(join(root, "source"), { rateHz: 5 });
  const stop = new Error("stopped");
  await assert.rejects(
    writeReplay(source, join(root, "bags"), (done) => {
      if (done === 2) throw stop;
    }),
    stop,
  );
  await mkdir(join(root, "bags/.partial/episode_000002"), { recursive: true });
  const faster = await openFolderDataset(join(root, "source"), { rateHz: 10 });
  await assert.rejects(writeReplay(faster, join(root, "bags")), {
    code: "ERR_BAG_EXISTS",
    message: /episode_000000 .* source_rate_hz 10 but it has 5/,
  });
  await assert.rejects(writeReplay({ ...source, path: join(root, "other") }, join(root, "bags")), {
    code: "ERR_BAG_EXISTS",
    message: /the source .*other but it has .*source/,
  });
  await writeReplay(source, join(root, "bags"));
  assert.deepEqual((await readdir(join(root, "bags"))).sort(), ["episode_000000", "episode_000001", "episode_000002"]);
  const bags = await closing(t, openReplayDataset(join(root, "bags")));
  await compareDatasets(source, bags);
});

test("a recording of the robot itself exports: actions are those that were executed", needsFfmpeg, async (t) => {
  const root = await testFolder(t);
  await buildBag({ folder: join(root, "run"), episodes: [6, 4] });
  const bags = await closing(t, openReplayDataset(join(root, "run")));
  await writeLeRobot(bags, join(root, "lerobot"), OPTIONS);
  const lerobot = await openLeRobotDataset(join(root, "lerobot"));
  await compareDatasets(bags, lerobot);
  const { action, velocity, intervention, terminal, task } = await lerobot.episode(1);
  assert.deepEqual(Array.from(action), [1, 0, 1, 0.01, 1, 0.02, 1, 0.03].map(Math.fround));
  assert.deepEqual(Array.from(velocity), [0, 0, 0, 0.5, 0, 1, 0, 1.5]);
  assert.deepEqual([intervention, terminal, task], [[false, true, true, false], true, "größer greifen"]);
});

test("a step that a human drove is marked from bags to bags, also the last one of an episode", async (t) => {
  const root = await testFolder(t);
  // The builder's events 2 and 3 say that a human drove to them: in the actions 1 and 2.
  await buildBag({ folder: join(root, "run"), episodes: [3] });
  const run = await closing(t, openReplayDataset(join(root, "run")));
  assert.deepEqual((await run.episode(0)).intervention, [false, true, true]);
  await writeReplay(run, join(root, "bags"));
  const bags = await closing(t, openReplayDataset(join(root, "bags")));
  assert.deepEqual((await bags.episode(0)).intervention, [false, true, true]);
});

test(
  "hashes of models and calibrations go with every step, into LeRobot and back into bags",
  needsFfmpeg,
  async (t) => {
    const root = await testFolder(t);
    await makeFolders(join(root, "source"), [4, 3]);
    const source = await openFolderDataset(join(root, "source"), { rateHz: 5 });
    const names = ["calibration_hash.left.wrist", "model_hash"];
    const hashed: Dataset = {
      ...source,
      provenanceNames: names,
      async episode(number) {
        const episode = await source.episode(number);
        const model_hash = episode.stampsNs.map((_, step) => (step < 2 ? "" : `model ${number}`));
        const provenance = { model_hash, ...(number === 0 ? { [names[0]!]: model_hash.map(() => "c0ffee") } : {}) };
        return { ...episode, provenance };
      },
    };
    await writeReplay(hashed, join(root, "bags"));
    const bags = await closing(t, openReplayDataset(join(root, "bags")));
    await compareDatasets(hashed, bags);
    await writeLeRobot(bags, join(root, "lerobot"), OPTIONS);
    const lerobot = await openLeRobotDataset(join(root, "lerobot"));
    await compareDatasets(hashed, lerobot);
    assert.deepEqual((await lerobot.episode(1)).provenance, {
      model_hash: ["", "", "model 1"],
      "calibration_hash.left.wrist": ["", "", ""],
    });
    const { provenance, ...rest } = await hashed.episode(0);
    const altered = { ...provenance, model_hash: provenance.model_hash!.with(3, "another") };
    const other: Dataset = { ...hashed, episode: async () => ({ ...rest, provenance: altered }) };
    await assert.rejects(compareDatasets(other, lerobot), { message: /episode 0, model_hash/ });
  },
);

test("vectors of one element are plain columns, as LeRobot reads them, and come back", needsFfmpeg, async (t) => {
  const root = await testFolder(t);
  const folder = join(root, "source/episode_0");
  await mkdir(folder, { recursive: true });
  const rows = [[0.5], [1.5], [2.5]];
  const content = { action_names: ["lift"], state_names: ["height"], action: rows, state: rows };
  await writeFile(join(folder, "episode.json"), JSON.stringify(content));
  const source = await openFolderDataset(join(root, "source"), { rateHz: 5 });
  await writeLeRobot(source, join(root, "lerobot"), OPTIONS);
  const [first] = await readParquet(join(root, "lerobot/data/chunk-000/file-000.parquet"));
  assert.deepEqual([first?.action, typeof first?.["observation.stamp_ns"]], [0.5, "bigint"]);
  await compareDatasets(source, await openLeRobotDataset(join(root, "lerobot")));
});

test("the comparison sees one changed action, one changed stamp and one exchanged frame", async (t) => {
  const root = await testFolder(t);
  await makeFolders(join(root, "source"), [3]);
  const source = await openFolderDataset(join(root, "source"), { rateHz: 5 });
  const changed = (change: object): Dataset => ({
    ...source,
    episode: async (number) => ({ ...(await source.episode(number)), ...change }),
  });
  const { action, stampsNs, frames } = await source.episode(0);
  await compareDatasets(source, changed({}));
  const altered = Float64Array.from(action);
  altered[3]! += 1e-3;
  const mismatch = (message: RegExp) => ({ code: "ERR_DATASET_MISMATCH", message });
  await assert.rejects(compareDatasets(source, changed({ action: altered })), mismatch(/action, value 3/));
  const stamps = stampsNs.map((ns, i) => (i === 1 ? ns + 1n : ns));
  await assert.rejects(compareDatasets(source, changed({ stampsNs: stamps })), mismatch(/stampsNs/));
  const swapped = (camera: string) => frames(camera === "front" ? "wrist" : "front");
  await assert.rejects(compareDatasets(source, changed({ frames: swapped })), mismatch(/front, frame 0/));
});

test("a folder of nothing that we know, and folders that lack an image, are refused with the reason", async (t) => {
  const root = await testFolder(t);
  await assert.rejects(openDataset(root, { rateHz: 5 }), { code: "ERR_DATASET_UNREADABLE", message: /none of them/ });
  await makeFolders(root, [3]);
  await rm(join(root, "episode_0/wrist_001.jpg"));
  const dataset = await openDataset(root, { rateHz: 5 });
  await assert.rejects(dataset.episode(0), {
    code: "ERR_DATASET_UNREADABLE",
    message: /2 images of wrist for 3 steps/,
  });
});
