import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { allocateData, elementCount } from "../../../src/core/tensor.ts";
import { ReplayIndex } from "../../../src/replay/replay-index.ts";
import { type SamplerOptions, SequenceSampler } from "../../../src/replay/sequence-sampler.ts";
import { SumTree } from "../../../src/replay/sum-tree.ts";
import { buildBag, pixelOf, START_NS, testFolder } from "./bag-builder.ts";

const SIZE = 4;
const OPTIONS: SamplerOptions = {
  length: 4,
  batch: 3,
  cameras: [{ name: "scene", width: SIZE, height: SIZE }],
  proprioception: [
    { name: "a.position", offset: 0, scale: 1 },
    { name: "b.position", offset: 0, scale: 1 },
    { name: "b.velocity", offset: 0, scale: 2 },
  ],
  border: "cross",
  nStep: 2,
  discount: 0.5,
  cacheBytes: 12 * SIZE * SIZE * 3,
  threads: 2,
};

async function openReplay(t: TestContext, folder: string, changes: Partial<SamplerOptions> = {}) {
  const index = await ReplayIndex.open(folder);
  const sampler = new SequenceSampler(index, { ...OPTIONS, ...changes });
  t.after(async () => {
    await sampler.close();
    await index.close();
  });
  const arrays = Object.fromEntries(
    sampler.specs.map(({ name, shape, dtype }) => [name, allocateData(dtype, elementCount(shape))]),
  ) as Record<string, Float32Array | Uint8Array>;
  return { index, sampler, arrays };
}

/** Episode and step of every place of a row, by the proprioception. */
function stepsOf(arrays: Record<string, Float32Array | Uint8Array>, row: number, { length, batch } = OPTIONS) {
  return Array.from({ length }, (_, t) => {
    const place = t * batch + row;
    return { place, episode: arrays.proprioception![place * 3]!, step: arrays.proprioception![place * 3 + 1]! };
  });
}

test("every frame of a batch has its own image, joints, action, reward and flags, across episodes", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "a"), episodes: [5, 3] });
  await buildBag({ folder: join(folder, "b"), episodes: [4], firstEpisode: 2, startNs: START_NS + 10n ** 12n });
  const { index, sampler, arrays } = await openReplay(t, folder);
  assert.deepEqual([index.episodes.length, index.frames, index.cameras], [3, 15, ["scene"]]);
  const rng = new Rng(1);
  let crossed = 0;
  for (let round = 0; round < 20; round++) {
    await sampler.fill(arrays, rng);
    for (let row = 0; row < OPTIONS.batch; row++) {
      const steps = stepsOf(arrays, row);
      for (const [t, { place, episode, step }] of steps.entries()) {
        const previous = steps[t - 1];
        if (previous !== undefined) {
          const follows = episode === previous.episode ? step === previous.step + 1 : step === 0;
          assert.ok(follows, `${episode}:${step} follows ${previous.episode}:${previous.step}`);
          if (episode !== previous.episode) crossed++;
        }
        const pixels = arrays.image_scene!.subarray(place * SIZE * SIZE * 3, (place + 1) * SIZE * SIZE * 3);
        assert.ok(
          pixels.every((value) => value === pixelOf(episode, step)),
          `image of ${episode}:${step}`,
        );
        const action = Array.from(arrays.action!.subarray(2 * place, 2 * place + 2));
        assert.deepEqual(action, step === 0 ? [0, 0] : [episode, Math.fround((step - 1) / 100)]);
        assert.equal(arrays.reward![place], Math.fround(step / 10));
        assert.equal(arrays.is_first![place], step === 0 ? 1 : 0);
        assert.equal(arrays.rewarded![place], step === 0 ? 0 : 1);
        assert.equal(arrays.is_terminal![place], step === [5, 3, 4][episode] ? 1 : 0);
        assert.equal(arrays.proprioception![place * 3 + 2], step / 4);
        assert.equal(arrays.valid![place], 1);
      }
    }
  }
  assert.ok(crossed > 5, "sequences cross episodes");
  const { asked, decoded } = sampler.decodeCounts;
  assert.ok(decoded < asked && decoded > 15, `${decoded} of ${asked}: the cache holds 12 of 15 frames`);
});

test("the same seed gives the same batch, another one another", async (t) => {
  const folder = join(await testFolder(t), "a");
  await buildBag({ folder, episodes: [9, 9] });
  const batches: string[] = [];
  for (const seed of [1, 1, 2]) {
    const { sampler, arrays } = await openReplay(t, folder);
    const starts = await sampler.fill(arrays, new Rng(seed));
    batches.push(`${starts} ${Buffer.from(arrays.image_scene!).toString("hex")}`);
  }
  assert.equal(batches[0], batches[1]);
  assert.notEqual(batches[0], batches[2]);
});

test("padding repeats the last frame, with no action, no reward and valid 0", async (t) => {
  const folder = join(await testFolder(t), "a");
  await buildBag({ folder, episodes: [2] });
  const { sampler, arrays } = await openReplay(t, folder, { border: "pad", batch: 1, length: 5, cacheBytes: 1e5 });
  let starts: number[] = [];
  const rng = new Rng(0);
  do starts = await sampler.fill(arrays, rng);
  while (starts[0] !== 1);
  const size = { ...OPTIONS, batch: 1, length: 5 };
  assert.deepEqual(
    stepsOf(arrays, 0, size).map(({ step }) => step),
    [1, 2, 2, 2, 2],
  );
  assert.deepEqual(Array.from(arrays.valid!), [1, 1, 0, 0, 0]);
  assert.deepEqual(Array.from(arrays.reward!), [0.1, 0.2, 0, 0, 0].map(Math.fround));
  assert.deepEqual(Array.from(arrays.action!.subarray(4)), [0, 0, 0, 0, 0, 0]);
});

test("n-step rewards stop at an episode's end, and a terminal state has no value behind it", async (t) => {
  const folder = join(await testFolder(t), "a");
  await buildBag({ folder, episodes: [3, 3] });
  const { sampler, arrays } = await openReplay(t, folder, { batch: 1, cacheBytes: 1e5 });
  const rng = new Rng(0);
  let starts: number[] = [];
  do starts = await sampler.fill(arrays, rng);
  while (starts[0] !== 0);
  const round = (values: Iterable<number>) => Array.from(values, (value) => Number(value.toFixed(4)));
  assert.deepEqual(round(arrays.n_step_reward as Float32Array), [0.1 + 0.1, 0.2 + 0.15, 0.3, 0]);
  assert.deepEqual(round(arrays.n_step_discount as Float32Array), [0.25, 0, 0, 1]);
});

test("a sequence is drawn in proportion to its priority", async (t) => {
  const folder = join(await testFolder(t), "a");
  await buildBag({ folder, episodes: [9] });
  const { sampler } = await openReplay(t, folder);
  const starts = [0, 1, 2, 3, 4, 5, 6];
  sampler.setPriorities(starts, [1, 1, 8, 1, 1, 1, 3]);
  const counts = new Map<number, number>();
  const rng = new Rng(3);
  for (let i = 0; i < 400; i++) {
    for (const start of await sampler.fill({}, rng)) counts.set(start, (counts.get(start) ?? 0) + 1);
  }
  assert.deepEqual([...counts.keys()].sort(), starts);
  assert.ok(Math.abs(counts.get(2)! / 1200 - 0.5) < 0.05, `${counts.get(2)} of 1200, expected half`);
  assert.throws(() => sampler.setPriorities([0], [Number.NaN]), { code: "ERR_INVALID_ARGUMENT" });
});

test("episodes that a recorder closes later are drawn after refresh; the open one never", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "a"), episodes: [3, -6], unfinished: true });
  const { index, sampler } = await openReplay(t, folder);
  assert.equal(index.frames, 4);
  await buildBag({ folder: join(folder, "b"), episodes: [5], firstEpisode: 2 });
  assert.equal(index.frames, 4);
  assert.equal(await sampler.refresh(), 1);
  assert.deepEqual([index.frames, index.episodes[1]?.firstFrame], [10, 4]);
  const drawn = new Set<number>();
  const rng = new Rng(0);
  for (let i = 0; i < 60; i++) for (const start of await sampler.fill({}, rng)) drawn.add(start);
  assert.deepEqual([...drawn].sort(), [0, 1, 2, 3, 4, 5, 6]);
});

test("what cannot be sampled is refused with the reason", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "a"), episodes: [-3] });
  const index = await ReplayIndex.open(folder);
  t.after(() => index.close());
  assert.throws(() => new SequenceSampler(index, OPTIONS), { code: "ERR_REPLAY_EMPTY" });
  await buildBag({ folder: join(folder, "b"), episodes: [1] });
  await index.refresh();
  assert.throws(() => new SequenceSampler(index, { ...OPTIONS, cameras: [{ name: "wrist", width: 4, height: 4 }] }), {
    code: "ERR_UNKNOWN_CAMERA",
    message: /scene.*wrist/,
  });
  const sampler = new SequenceSampler(index, OPTIONS);
  t.after(() => sampler.close());
  await assert.rejects(sampler.fill({}, new Rng(0)), { code: "ERR_REPLAY_EMPTY", message: /4 frames in a row/ });
  await assert.rejects(ReplayIndex.open(join(folder, "none")), { code: "ERR_BAG_UNREADABLE" });
});

test("a sum tree finds the index where the running sum passes the share", () => {
  const tree = new SumTree();
  for (const weight of [1, 0, 2, 5, 0, 0, 2, 0]) tree.push(weight);
  assert.equal(tree.total, 10);
  const found = Array.from({ length: 10 }, (_, i) => tree.find(i / 10));
  assert.deepEqual(found, [0, 2, 2, 3, 3, 3, 3, 3, 6, 6]);
  tree.set(3, 0);
  assert.equal(tree.find(0.999), 6);
});
