import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseEpisodes } from "../../../../src/nodes/trainer/chosen-episodes.ts";
import type { IndexedEpisode } from "../../../../src/replay/replay-index.ts";

/** Episodes of ten frames, the i-th of them numbered i and begun at i. */
function stream(count: number, bag = "bag"): IndexedEpisode[] {
  return Array.from({ length: count }, (_, i) => {
    const table = { bag, episode: { number: i, firstLogNs: BigInt(i) } };
    return { table, firstFrame: 10 * i, frames: 10 } as unknown as IndexedEpisode;
  });
}
const began = (refs: readonly { began: string }[]) => refs.map((ref) => Number(ref.began));

test("the newest episodes that fit are taken, oldest first, every fourth of them held out", () => {
  const { fresh, heldOut } = chooseEpisodes(stream(12), { heldOutEvery: 4, maxFrames: 60 });
  assert.deepEqual(began(fresh), [6, 7, 9, 10, 11]);
  assert.deepEqual(began(heldOut), [8]);
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

test("an episode that taught never judges, whichever others are discarded or removed with their bag", () => {
  const options = { heldOutEvery: 4, maxFrames: 1e6 };
  const keyed = (refs: readonly { bag: string; began: string }[]) => refs.map(({ bag, began: at }) => `${bag} ${at}`);
  const all = [...stream(9, "replay/old"), ...stream(30, "replay/new")];
  const before = chooseEpisodes(all, options);
  assert.ok(before.heldOut.length >= 8 && before.fresh.length >= 28);
  const taught = new Set(keyed(before.fresh));
  for (const gone of all) {
    const { heldOut } = chooseEpisodes(
      all.filter((episode) => episode !== gone),
      options,
    );
    assert.ok(keyed(heldOut).every((key) => !taught.has(key)));
  }
  const { heldOut } = chooseEpisodes(all.slice(9), options);
  assert.ok(keyed(heldOut).every((key) => !taught.has(key)));
});

test("short bags have their share of judges, though none of them is as long as the share's period", () => {
  const bags = Array.from({ length: 40 }, (_, i) => stream(2, `replay/bag-${i}`)).flat();
  const { heldOut, fresh } = chooseEpisodes(bags, { heldOutEvery: 4, maxFrames: 1e6 });
  assert.equal(heldOut.length, 16);
  assert.ok(fresh.length > 50);
});
