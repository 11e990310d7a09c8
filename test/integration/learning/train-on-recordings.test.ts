import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { readWeights } from "../../../src/inference/bundle-weights.ts";
import { readBundle } from "../../../src/inference/read-bundle.ts";
import { writeEpisodeArchive } from "../../../src/learning/episodes/episode-archive.ts";
import { loadReplayEpisodes } from "../../../src/learning/episodes/replay-episodes.ts";
import { type FineTuningRunOptions, runFineTuning } from "../../../src/learning/fine-tune/run-fine-tuning.ts";
import { fineTuneSettings } from "../../../src/learning/fine-tune/settings.ts";
import { KeypointLearner } from "../../../src/learning/keypoint/learner.ts";
import { loadCheckpoint } from "../../../src/learning/optimization/checkpoint.ts";
import { CurveFile } from "../../../src/learning/run/curve.ts";
import { randomEpisodes, trainDotBundle } from "../../support/dot-bundle.ts";
import { recordDotWorld } from "../../support/dot-recording.ts";
import { DotWorld } from "../../support/dot-world.ts";
import { TINY_KEYPOINT } from "../../support/tiny-keypoint.ts";

const folder = await mkdtemp(join(tmpdir(), "latentloop-recordings-"));
after(() => rm(folder, { recursive: true }));

const bundle = await trainDotBundle(folder);
const replay = join(folder, "replay");
await recordDotWorld({ folder: join(replay, "first"), episodes: 12, seed: 50 });
const old = join(folder, "old.safetensors");
await writeEpisodeArchive(old, await randomEpisodes(new DotWorld(), 6, 700), bundle.manifest);

function fineTune(name: string, options: Partial<FineTuningRunOptions> = {}) {
  return runFineTuning({
    from: bundle.folder,
    replay,
    old,
    settings: parseStrict(fineTuneSettings, { updates: 200 }, "the test"),
    seed: 1,
    clock: systemClock(),
    folder: join(folder, name),
    bundle: { folder: join(folder, name, "bundle"), command: "a test" },
    ...options,
  });
}

const whole = await fineTune("whole");

test("a bundle is trained further on recordings, and says on which and on how many", async () => {
  assert.deepEqual(whole.episodes, { trained: 10, heldOut: 2, old: 6 });
  assert.deepEqual(
    whole.manifest.training.data.map(({ source, episodes }) => [source, episodes]),
    [
      [replay, 10],
      [old, 6],
    ],
  );
  const points = await new CurveFile(join(folder, "whole", "curve.jsonl")).read();
  assert.ok(points.length >= 3 && points.every(({ figures }) => Number.isFinite(figures.loss)));
});

test("a run that was stopped goes on to the same weights, although more was recorded meanwhile", async () => {
  const stop = new AbortController();
  const stopped = fineTune("stopped", { signal: stop.signal, onReport: () => stop.abort() });
  await assert.rejects(stopped, { code: "ERR_TRAINING_STOPPED" });
  await recordDotWorld({ folder: join(replay, "second"), episodes: 3, seed: 90 });
  const resumed = await fineTune("stopped", { resume: true });
  assert.deepEqual(resumed.episodes, whole.episodes);
  const weightsOf = async (name: string) => readWeights(await readBundle(join(folder, name, "bundle")));
  assert.deepEqual(await weightsOf("stopped"), await weightsOf("whole"));
});

test("recordings of another task are refused before any work", async () => {
  const other = join(folder, "other");
  await recordDotWorld({ folder: join(other, "bag"), episodes: 2, seed: 1, task: "arm-push" });
  await assert.rejects(fineTune("refused", { replay: other }), { code: "ERR_REPLAY_MISMATCH", message: /arm-push/ });
});

test("a model is trained from nothing on recordings alone, and goes on exactly after a stop", async () => {
  const recorded = await loadReplayEpisodes(replay, bundle.manifest, 12);
  const world = new DotWorld();
  const recipe = { ...TINY_KEYPOINT, updates: { representation: 60, dynamics: 60, decoder: 10 } };
  const options = { world, seed: 5, clock: systemClock(), recorded };
  const learner = await KeypointLearner.open(options, recipe);
  await learner.advance();
  const resume = await learner.snapshot();
  while (!learner.finished) await learner.advance();
  assert.equal(world.resets, 0);
  assert.equal(learner.collected.episodes, 12);

  const resumed = await KeypointLearner.open({ ...options, resume }, recipe);
  while (!resumed.finished) await resumed.advance();
  assert.deepEqual(await resumed.weights(), await learner.weights());
  const others = await loadReplayEpisodes(replay, bundle.manifest, 11);
  await assert.rejects(KeypointLearner.open({ ...options, recorded: others, resume }, recipe), {
    code: "ERR_CHECKPOINT_MISMATCH",
  });
  await learner.close();
  await resumed.close();
});

test("the checkpoint of a run says how many recorded episodes it had", async () => {
  const { progress } = await loadCheckpoint(join(folder, "stopped", "checkpoint.safetensors"));
  assert.equal(progress.extra.taken, 12);
});
