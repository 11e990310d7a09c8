import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { createBatchSource } from "../../../src/learning/episodes/replay-batches.ts";
import { buildBag, START_NS, testFolder } from "../replay/bag-builder.ts";

const OPTIONS = {
  length: 3,
  batch: 8,
  cameras: [],
  proprioception: [{ name: "a.position", offset: 0, scale: 1 }],
  border: "pad",
  nStep: 1,
  discount: 1,
  cacheBytes: 0,
  threads: 1,
} as const;

/** Episodes that turn up in five batches each, before and after a second one was recorded beside the source. */
async function episodesSeen(t: TestContext, refreshEvery: number | undefined): Promise<Set<number>[]> {
  const replay = await testFolder(t);
  await buildBag({ folder: join(replay, "a"), episodes: [6] });
  const source = await createBatchSource({
    ...OPTIONS,
    replay,
    ...(refreshEvery === undefined ? {} : { refreshEvery }),
  });
  const arrays = { proprioception: new Float32Array(OPTIONS.length * OPTIONS.batch) };
  const seen = [new Set<number>(), new Set<number>()];
  for (let batch = 0; batch < 10; batch++) {
    if (batch === 5)
      await buildBag({ folder: join(replay, "b"), episodes: [6], firstEpisode: 1, startNs: 2n * START_NS });
    await source.fill(arrays, new Rng(batch), batch);
    for (const episode of arrays.proprioception) seen[batch < 5 ? 0 : 1]!.add(episode);
  }
  source.close?.();
  return seen;
}

test("a source beside a recorder takes in new episodes where that is asked for", async (t) => {
  assert.deepEqual(await episodesSeen(t, 2), [new Set([0]), new Set([0, 1])]);
});

test("a source draws from what was there at its begin unless told otherwise, so that a run can be repeated", async (t) => {
  assert.deepEqual(await episodesSeen(t, undefined), [new Set([0]), new Set([0])]);
});
