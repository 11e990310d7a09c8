import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseEpisodes } from "../../../../src/nodes/trainer/chosen-episodes.ts";
import type { IndexedEpisode } from "../../../../src/replay/replay-index.ts";

/** Episodes of ten frames, the i-th begun at i. */
function stream(count: number): IndexedEpisode[] {
  return Array.from({ length: count }, (_, i) => {
    const table = { bag: "bag", episode: { firstLogNs: BigInt(i) } };
    return { table, firstFrame: 10 * i, frames: 10 } as unknown as IndexedEpisode;
  });
}
const began = (refs: readonly { began: string }[]) => refs.map((ref) => Number(ref.began));

test("the newest episodes that fit are taken, oldest first, every fourth of them held out", () => {
  const { fresh, heldOut } = chooseEpisodes(stream(12), { heldOutEvery: 4, maxFrames: 60 });
  assert.deepEqual(began(fresh), [6, 8, 9, 10]);
  assert.deepEqual(began(heldOut), [7, 11]);
});

test("an episode that was once held out always is, however many come after it", () => {
  const options = { heldOutEvery: 4, maxFrames: 1e6 };
  const early = new Set(began(chooseEpisodes(stream(9), options).heldOut));
  for (let count = 10; count < 60; count++) {
    const late = chooseEpisodes(stream(count), options);
    assert.ok(began(late.fresh).every((episode) => !early.has(episode)));
    assert.ok(late.heldOut.length <= 16);
  }
});
