import assert from "node:assert/strict";
import { copyFile, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { CameraModel } from "../../../src/core/camera.ts";
import { DEFAULT_QOS } from "../../../src/core/node.ts";
import { cameraModelToMessage, makeEpisodeEvent, serializeMessage } from "../../../src/messages/index.ts";
import { PlaceReader } from "../../../src/replay/place-reader.ts";
import { ReplayIndex } from "../../../src/replay/replay-index.ts";
import { buildBag, START_NS, STEP_NS, testFolder } from "./bag-builder.ts";

const INDEX = "latentloop.index";

async function bagOf(t: TestContext, episodes: readonly number[]) {
  const folder = join(await testFolder(t), "bag");
  await buildBag({ folder, episodes });
  return { folder, file: join(folder, "bag_0.mcap"), index: join(folder, INDEX) };
}

async function open(t: TestContext, folder: string): Promise<ReplayIndex> {
  const index = await ReplayIndex.open(folder);
  t.after(() => index.close());
  return index;
}

test("a finished bag is read once: later its stored tables tell the same", async (t) => {
  const { folder, file, index } = await bagOf(t, [80, 90]);
  const first = await open(t, folder);
  assert.ok((await readdir(folder)).includes(INDEX));
  // A damaged chunk far from the end would make reading the bag fail.
  const bytes = await readFile(file);
  const { chunk } = first.imagePlace("scene", 0);
  bytes[chunk.offset + 200]! ^= 0xff;
  await writeFile(file, bytes);
  const again = await open(t, folder);
  assert.deepEqual(again.episodes, first.episodes);
  const places = new PlaceReader();
  t.after(() => places.close());
  await assert.rejects(places.read(again.imagePlace("scene", 0)), { code: "ERR_BAG_DAMAGED", message: /checksum/ });
  await rm(index);
  await assert.rejects(ReplayIndex.open(folder), { code: "ERR_BAG_DAMAGED" });
});

test("an index of another file is stale, one of a copied file is not", async (t) => {
  const { folder, file, index } = await bagOf(t, [4]);
  const other = await bagOf(t, [5]);
  await open(t, folder);
  const before = (await stat(index)).mtimeMs;
  await copyFile(file, `${file}.copy`);
  await rm(file);
  await copyFile(`${file}.copy`, file);
  await utimes(file, 1, 1);
  await open(t, folder);
  assert.equal((await stat(index)).mtimeMs, before, "a copy with another time of change is the same file");
  await copyFile(other.file, file);
  assert.equal((await open(t, folder)).frames, 6);
  assert.equal((await open(t, folder)).frames, 6, "stored anew");
});

test("an index that is cut or changed in any byte is made anew", async (t) => {
  const { folder, index } = await bagOf(t, [3, 2]);
  const whole = (await open(t, folder)).episodes;
  const bytes = await readFile(index);
  for (let place = 0; place < bytes.length; place += 97) {
    const changed = Uint8Array.from(bytes);
    changed[place]! ^= 4;
    await writeFile(index, place % 2 === 0 ? changed : bytes.subarray(0, place));
    assert.deepEqual((await open(t, folder)).episodes, whole, `byte ${place}`);
    assert.deepEqual(await readFile(index), bytes, `byte ${place}: repaired`);
  }
});

test("a bag that is being written has no stored index until its recorder ends it", async (t) => {
  const folder = join(await testFolder(t), "live");
  const recording = await buildBag({ folder, episodes: [3, 4], unfinished: true });
  const index = await open(t, folder);
  assert.deepEqual([index.episodes.length, (await readdir(folder)).includes(INDEX)], [2, false]);
  const events = recording.topics.find(({ name }) => name === "/episode");
  const discard = makeEpisodeEvent("discard", START_NS + 100n * STEP_NS, { episode: 1 });
  events?.write(serializeMessage("latentloop_msgs/msg/EpisodeEvent", discard), START_NS + 100n * STEP_NS, 0n);
  await recording.end();
  assert.equal(await index.refresh(), 0);
  assert.ok((await readdir(folder)).includes(INDEX));
  assert.equal(index.episodes.length, 2, "frames keep their numbers");
  assert.equal((await open(t, folder)).episodes.length, 1, "the discarded one does not come back");
});

test("every step says which model chose its action and which calibration its camera had", async (t) => {
  const folder = join(await testFolder(t), "live");
  const recording = await buildBag({ folder, episodes: [4], unfinished: true });
  const infos = recording.addTopic("/scene/camera_info", "sensor_msgs/msg/CameraInfo", DEFAULT_QOS);
  const calibrate = (focal: number, atStep: number) => {
    const atNs = START_NS + BigInt(atStep) * STEP_NS;
    const message = cameraModelToMessage({ ...CAMERA, K: [focal, 0, 4, 0, focal, 4, 0, 0, 1] }, atNs, "scene");
    infos.write(serializeMessage("sensor_msgs/msg/CameraInfo", message), atNs, atNs);
  };
  calibrate(7, 0);
  calibrate(9, 2);
  await recording.end();
  for (const episodes of [(await open(t, folder)).episodes, (await open(t, folder)).episodes]) {
    const { model_hash: models, "calibration_hash.scene": calibrations } = episodes[0]!.table.provenance;
    assert.deepEqual(models, ["abc", "abc", "abc", "abc"]);
    assert.equal(calibrations?.length, 4);
    assert.ok(calibrations![0] === calibrations![1] && calibrations![2] === calibrations![3]);
    assert.match(calibrations![1]!, /^[0-9a-f]{64}$/);
    assert.notEqual(calibrations![1], calibrations![2]);
  }
});

const CAMERA: CameraModel = {
  name: "scene",
  width: 8,
  height: 8,
  K: [],
  distortionModel: "plumb_bob",
  D: [0, 0, 0, 0, 0],
  R: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  P: [7, 0, 4, 0, 0, 7, 4, 0, 0, 0, 1, 0],
};
