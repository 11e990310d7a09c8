import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readEpisodeArchive, writeEpisodeArchive } from "../../../src/learning/episodes/episode-archive.ts";
import { noiseEpisodes } from "../../support/candidates.ts";
import { sampleManifest } from "../../support/sample-bundle.ts";
import { testFolder } from "../replay/bag-builder.ts";

test("episodes come back with every number, start and source", async (t) => {
  const path = join(await testFolder(t), "old.safetensors");
  const store = noiseEpisodes();
  await writeEpisodeArchive(path, store, sampleManifest());
  const read = await readEpisodeArchive(path, sampleManifest());
  assert.deepEqual(read.episodes, store.episodes);
  assert.deepEqual(
    read.images.scene!.subarray(0, 192 * read.frames),
    store.images.scene!.subarray(0, 192 * store.frames),
  );
  for (const column of ["proprioception", "actions", "rewards", "terminal"] as const) {
    assert.deepEqual(read[column].slice(0, 16), store[column].slice(0, 16));
  }
});

test("episodes of another model are refused by the part that differs", async (t) => {
  const path = join(await testFolder(t), "old.safetensors");
  await writeEpisodeArchive(path, noiseEpisodes(), sampleManifest());
  const slower = { ...sampleManifest(), policyRateHz: 5 };
  await assert.rejects(readEpisodeArchive(path, slower), { code: "ERR_REPLAY_MISMATCH", message: /policyRateHz/ });
});

test("a file that is no archive is named", async (t) => {
  const path = join(await testFolder(t), "old.safetensors");
  await writeFile(path, "no archive");
  await assert.rejects(readEpisodeArchive(path, sampleManifest()), { code: "ERR_CHECKPOINT_UNREADABLE" });
});
