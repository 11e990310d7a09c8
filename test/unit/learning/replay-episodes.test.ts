import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { calibrationHash } from "../../../src/cameras/calibration.ts";
import { ImagePath } from "../../../src/cameras/image-path.ts";
import type { Manifest } from "../../../src/config/manifest.ts";
import type { CameraModel } from "../../../src/core/camera.ts";
import { loadReplayEpisodes, loadScoredEpisodes } from "../../../src/learning/episodes/replay-episodes.ts";
import { sampleManifest } from "../../support/sample-bundle.ts";
import { buildBag, IMAGE_SIZE, pixelOf, testFolder } from "../replay/bag-builder.ts";

/** The sample model on the robot of the test bags. */
function bagManifest(change: Partial<Manifest> = {}): Manifest {
  const manifest = sampleManifest();
  return {
    ...manifest,
    observation: {
      ...manifest.observation,
      proprioception: ["a.position", "b.position", "j2.last"].map((name) => ({ name, offset: 0, scale: 1 })),
    },
    ...change,
  };
}

test("a frame has the image, joints, reward and executed actions of its own step", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "bag"), episodes: [5, 3] });
  const store = await loadReplayEpisodes(folder, bagManifest(), 10);
  assert.deepEqual(
    store.episodes.map(({ firstFrame, frames }) => [firstFrame, frames]),
    [
      [0, 6],
      [6, 4],
    ],
  );
  for (const [episode, { firstFrame, frames }] of store.episodes.entries()) {
    for (let step = 0; step < frames; step++) {
      const frame = firstFrame + step;
      assert.ok(store.borrowImage("scene", frame).every((level) => level === pixelOf(episode, step)));
      const before = step === 0 ? 0 : Math.fround((step - 1) / 100);
      assert.deepEqual([...store.borrowProprioception(frame)], [episode, step, before]);
      assert.equal(store.rewards[frame], Math.fround(step / 10));
      if (step < frames - 1) assert.deepEqual([...store.borrowAction(frame)], [episode, Math.fround(step / 100)]);
    }
  }
});

test("only the newest episodes are taken when fewer are asked for", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "bag"), episodes: [5, 3] });
  const store = await loadReplayEpisodes(folder, bagManifest(), 1);
  assert.deepEqual([store.episodes.length, store.frames, store.borrowProprioception(0)[0]], [1, 4, 1]);
});

const foreign: readonly [what: string, change: Partial<Manifest>, message: RegExp][] = [
  ["another rate", { policyRateHz: 30 }, /30 Hz.*10\.0 Hz/],
  ["another number of actions", { action: { dimensions: sampleManifest().action.dimensions.slice(0, 1) } }, /1 action/],
  [
    "another camera",
    { observation: { cameras: [{ ...sampleManifest().observation.cameras[0]!, name: "wrist" }], proprioception: [] } },
    /camera wrist/,
  ],
  [
    "a calibration that was not recorded",
    {
      observation: {
        cameras: [{ ...sampleManifest().observation.cameras[0]!, calibrationSha256: "ab".repeat(32) }],
        proprioception: [],
      },
    },
    /calibration abab.*none was recorded/,
  ],
  [
    "another joint",
    { observation: { cameras: [], proprioception: [{ name: "elbow.position", offset: 0, scale: 1 }] } },
    /proprioception.*joints.*a, b/,
  ],
];
for (const [what, change, message] of foreign) {
  test(`recordings are refused for a model with ${what}`, async (t) => {
    const folder = await testFolder(t);
    await buildBag({ folder: join(folder, "bag"), episodes: [5] });
    await assert.rejects(loadReplayEpisodes(folder, bagManifest(change), 10), { code: "ERR_REPLAY_MISMATCH", message });
  });
}

test("recordings of another task are refused by its name, those of the model's own are taken", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "own"), episodes: [5], task: "reach" });
  await buildBag({ folder: join(folder, "other"), episodes: [5], task: "arm-push" });
  assert.equal((await loadReplayEpisodes(join(folder, "own"), bagManifest(), 10)).episodes.length, 1);
  await assert.rejects(loadReplayEpisodes(join(folder, "other"), bagManifest(), 10), {
    code: "ERR_REPLAY_MISMATCH",
    message: /task reach.*arm-push/,
  });
});

test("images are cropped as the model's are", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "bag"), episodes: [5] });
  const crop = { x: 2, y: 2, width: 4, height: 4 };
  const [camera] = sampleManifest().observation.cameras;
  const { proprioception } = bagManifest().observation;
  const store = await loadReplayEpisodes(
    folder,
    bagManifest({ observation: { cameras: [{ ...camera!, crop }], proprioception } }),
    10,
  );
  assert.ok(store.borrowImage("scene", 2).every((level) => level === pixelOf(0, 2)));
  const beyond = { ...crop, x: 6 };
  await assert.rejects(
    loadReplayEpisodes(
      folder,
      bagManifest({ observation: { cameras: [{ ...camera!, crop: beyond }], proprioception } }),
      10,
    ),
    /crop/,
  );
});

test("raw recordings are undistorted and cropped as camera-ingest does for the model, by the calibration that was recorded", async (t) => {
  const calibration: CameraModel = {
    name: "scene",
    width: IMAGE_SIZE,
    height: IMAGE_SIZE,
    K: [7, 0, 4, 0, 7, 4, 0, 0, 1],
    distortionModel: "plumb_bob",
    D: [-0.3, 0.05, 0, 0, 0],
    R: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    P: [6.5, 0, 4, 0, 0, 6.5, 4, 0, 0, 0, 1, 0],
  };
  const paint = (out: Uint8Array, _episode: number, step: number) =>
    out.forEach((_, i) => {
      out[i] = (i * 7 + step * 13) % 256;
    });
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "bag"), episodes: [5], calibration, paint });
  const [camera] = sampleManifest().observation.cameras;
  const { proprioception } = bagManifest().observation;
  const crop = { x: 1, y: 1, width: 6, height: 6 };
  const trained = { ...camera!, crop, calibrationSha256: calibrationHash(calibration) };
  const store = await loadReplayEpisodes(
    folder,
    bagManifest({ observation: { cameras: [trained], proprioception } }),
    10,
  );
  const size = { width: IMAGE_SIZE, height: IMAGE_SIZE };
  const source = { encoding: "rgb8", ...size } as const;
  const path = new ImagePath({ camera: "scene", source, output: size, crop, calibration });
  const raw = { ...source, stride: 3 * IMAGE_SIZE, data: new Uint8Array(3 * IMAGE_SIZE ** 2), stampNs: 0n };
  const expected = new Uint8Array(raw.data.length);
  for (let step = 0; step <= 5; step++) {
    paint(raw.data, 0, step);
    path.convertInto(raw, expected);
    assert.deepEqual(store.borrowImage("scene", step), expected);
  }
  assert.notDeepEqual(expected, raw.data);
});

test("steps that nobody scored have no reward; whoever learns gets only the episodes that were scored", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "bag"), episodes: [5, 3], unscored: [0] });
  const { rewards } = await loadReplayEpisodes(folder, bagManifest());
  assert.deepEqual([...rewards.subarray(0, 6)], [0, ...Array(5).fill(Number.NaN)]);
  const scored = await loadScoredEpisodes(folder, bagManifest());
  assert.deepEqual([scored.episodes.length, scored.frames, scored.borrowProprioception(0)[0]], [1, 4, 1]);

  const other = await testFolder(t);
  await buildBag({ folder: join(other, "bag"), episodes: [5], unscored: [0] });
  await assert.rejects(loadScoredEpisodes(other, bagManifest()), { code: "ERR_REPLAY_UNSCORED" });
});
