import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Manifest } from "../../../src/config/manifest.ts";
import { RecordedEpisodes } from "../../../src/learning/episodes/recorded-episodes.ts";
import { sampleManifest } from "../../support/sample-bundle.ts";
import { buildBag, START_NS, STEP_NS, testFolder } from "../replay/bag-builder.ts";

/** The sample model on the robot of the test bags. */
function bagManifest(): Manifest {
  const manifest = sampleManifest();
  const proprioception = ["a.position", "b.position", "j2.last"].map((name) => ({ name, offset: 0, scale: 1 }));
  return { ...manifest, observation: { ...manifest.observation, proprioception } };
}

/** The episode's number lies in joint a. */
const numbers = ({ training, heldOut }: RecordedEpisodes) =>
  [training, heldOut].map((store) => store.episodes.map(({ firstFrame }) => store.borrowProprioception(firstFrame)[0]));

test("one episode in so many judges, the others teach, by their bag and number alone", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "bag"), episodes: [3, 3, 3, 3, 3, 3, 3] });
  const recorded = await RecordedEpisodes.open(folder, bagManifest(), { heldOutEvery: 3 });
  t.after(() => recorded.close());
  assert.equal(await recorded.refresh(), 7);
  assert.deepEqual(numbers(recorded), [
    [0, 1, 3, 4, 6],
    [2, 5],
  ]);
});

test("episodes that are recorded later come at the end, and the store grows beyond its first room", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "a"), episodes: [300, 300], unfinished: true });
  const recorded = await RecordedEpisodes.open(folder, bagManifest(), { heldOutEvery: 0 });
  t.after(() => recorded.close());
  assert.equal(await recorded.refresh(), 2);
  const before = recorded.training.rewards.slice(0, recorded.training.frames);
  const startNs = START_NS + 1000n * STEP_NS;
  await buildBag({ folder: join(folder, "b"), episodes: [4], firstEpisode: 2, startNs });
  assert.equal(await recorded.refresh(), 1);
  assert.equal(await recorded.refresh(), 0);
  assert.deepEqual(numbers(recorded), [[0, 1, 2], []]);
  assert.deepEqual(recorded.training.rewards.slice(0, before.length), before);
  assert.equal(recorded.newestStampNs, startNs + 4n * STEP_NS);
});

test("so many episodes as asked for are taken in, so that a run can go on with what it had", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "bag"), episodes: [3, 3, 3] });
  const recorded = await RecordedEpisodes.open(folder, bagManifest(), { heldOutEvery: 2 });
  t.after(() => recorded.close());
  assert.equal(await recorded.refresh(2), 2);
  assert.deepEqual(numbers(recorded), [[1], [0]]);
});

test("episodes that nobody scored are left out; where there are no others that is said", async (t) => {
  const folder = await testFolder(t);
  await buildBag({ folder: join(folder, "bag"), episodes: [3, 3, 3], unscored: [1] });
  const recorded = await RecordedEpisodes.open(folder, bagManifest(), { heldOutEvery: 0 });
  t.after(() => recorded.close());
  assert.equal(await recorded.refresh(), 3);
  assert.deepEqual(numbers(recorded), [[0, 2], []]);
  recorded.requireSome();

  const other = await testFolder(t);
  await buildBag({ folder: join(other, "bag"), episodes: [3, 3], unscored: [0, 1] });
  const unscored = await RecordedEpisodes.open(other, bagManifest());
  t.after(() => unscored.close());
  await unscored.refresh();
  assert.throws(() => unscored.requireSome(), { code: "ERR_REPLAY_UNSCORED", message: /nobody scored those of its 2/ });
});
