import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../../../src/config/package-root.ts";
import { rgbOf } from "../../../src/replay/datasets/dataset.ts";
import { openHdf5Dataset } from "../../../src/replay/datasets/hdf5-dataset.ts";

const FOLDER = join(root, "test/golden/replay");
/** JPEG of one colour. */
const TOLERANCE = 3;

test("an ALOHA file gives its actions, joint positions and velocities, and images from pixels and padded JPEG", async () => {
  const dataset = await openHdf5Dataset(join(FOLDER, "aloha_0.hdf5"), { rateHz: 50 });
  const { action, state, velocity, stampsNs } = await dataset.episode(0);
  assert.deepEqual([dataset.episodeCount, dataset.stateNames], [1, ["qpos_0", "qpos_1", "qpos_2"]]);
  assert.deepEqual(
    Array.from(action),
    Array.from({ length: 12 }, (_, i) => i / 8),
  );
  assert.deepEqual([state[11], velocity[11]], [16.5, -11]);
  assert.equal(stampsNs[1]! - stampsNs[0]!, 20_000_000n);
  for (const [camera, brightness] of [
    ["top", 10],
    ["wrist", 20],
  ] as const) {
    let step = 0;
    for await (const frame of (await dataset.episode(0)).frames(camera)) {
      const { data, width, height } = await rgbOf(camera, frame);
      assert.deepEqual([width, height], [8, 6]);
      assert.ok(data.every((value) => Math.abs(value - brightness * step) <= TOLERANCE));
      step++;
    }
    assert.equal(step, 4);
  }
});

test("a robomimic file gives its demonstrations in the order of their numbers, with success from the reward", async () => {
  const dataset = await openHdf5Dataset(join(FOLDER, "robomimic.hdf5"), { rateHz: 20 });
  assert.deepEqual([dataset.episodeCount, dataset.stateNames.length], [4, 9]);
  assert.deepEqual(dataset.cameras, [{ name: "agentview", width: 8, height: 8 }]);
  const episodes = await Promise.all([0, 1, 2, 3].map((number) => dataset.episode(number)));
  assert.deepEqual(
    episodes.map(({ action }) => action[0]),
    [0, 1, 2, 10],
  );
  const { state, success, terminal, reward } = episodes[3]!;
  assert.deepEqual(Array.from(state.subarray(9)).slice(0, 9), [10.5, 10.5, 10.5, 0, 0, 0, 0, 1, 1]);
  assert.deepEqual([success, terminal, Array.from(reward)], [true, true, [0, 0, 1]]);
});

test("HDF5 of another layout is refused", async () => {
  await assert.rejects(openHdf5Dataset(join(FOLDER, "make_hdf5.py"), { rateHz: 20 }), {
    code: "ERR_DATASET_UNREADABLE",
  });
});
