import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { KeypointLearner, keypointSystem } from "../../../src/learning/keypoint/learner.ts";
import type { LearnerReport } from "../../../src/learning/learner.ts";
import { loadCheckpoint, saveCheckpoint } from "../../../src/learning/optimization/checkpoint.ts";
import type { Weights } from "../../../src/learning/optimization/step-runner.ts";
import { DotWorld } from "../../support/dot-world.ts";
import { TINY_KEYPOINT as recipe } from "../../support/tiny-keypoint.ts";

const folder = await mkdtemp(join(tmpdir(), "latentloop-keypoint-"));
after(() => rm(folder, { recursive: true }));

function open(options: { seed?: number; resume?: Awaited<ReturnType<typeof loadCheckpoint>> } = {}) {
  return KeypointLearner.open({ world: new DotWorld(), seed: 3, clock: systemClock(), ...options }, recipe);
}

async function finish(learner: KeypointLearner): Promise<{ reports: LearnerReport[]; weights: Weights }> {
  const reports: LearnerReport[] = [];
  while (!learner.finished) reports.push(await learner.advance());
  const weights = await learner.weights();
  await learner.close();
  return { reports, weights };
}

const whole = await finish(await open());

test("the validation error falls below a third of its first value", () => {
  const errors = whole.reports.flatMap(({ phase, figures }) =>
    phase === "representation" ? [figures.validationCm!] : [],
  );
  const [first, last] = [errors[0]!, errors.at(-1)!];
  assert.ok(last < 8 && last < first / 3, `from ${first} cm to ${last} cm`);
});

test("the dynamics' error falls", () => {
  const errors = whole.reports.flatMap(({ phase, figures }) => (phase === "dynamics" ? [figures.consistency!] : []));
  assert.ok(errors.at(-1)! < errors[0]! / 10, `${errors}`);
});

test("progress only grows and ends at 1, and every round ends with a milestone", () => {
  const progress = whole.reports.map((report) => report.progress);
  assert.deepEqual(
    progress,
    progress.toSorted((a, b) => a - b),
  );
  assert.equal(progress.at(-1), 1);
  assert.equal(whole.reports.filter(({ milestone }) => milestone).length, recipe.rounds + 1);
});

test("the same seed gives the same weights, another seed others", async () => {
  assert.deepEqual((await finish(await open())).weights, whole.weights);
  assert.notDeepEqual((await finish(await open({ seed: 4 }))).weights, whole.weights);
});

/** Slices of work before the run is stopped, counted on the whole run. */
const stops = {
  "while it learns the representation": slicesUntil(({ phase }) => phase === "representation") + 1,
  "while it learns the dynamics": slicesUntil(({ phase }) => phase === "dynamics"),
  "between two rounds": slicesUntil(({ milestone }) => milestone),
};

function slicesUntil(condition: (report: LearnerReport) => boolean): number {
  return whole.reports.findIndex(condition) + 1;
}

for (const [when, slices] of Object.entries(stops)) {
  test(`a run that is stopped and resumed ${when} ends with the same weights`, async () => {
    const path = join(folder, "checkpoint.safetensors");
    const learner = await open();
    for (let i = 0; i < slices; i++) await learner.advance();
    assert.ok(learner.resumable);
    await saveCheckpoint(path, await learner.snapshot());
    await learner.close();
    const resumed = await finish(await open({ resume: await loadCheckpoint(path) }));
    assert.deepEqual(resumed.weights, whole.weights);
  });
}

test("an observation without a recipe is refused", () => {
  assert.throws(() => keypointSystem.eyes("reach", { observation: "state" }), {
    code: "ERR_UNKNOWN_RECIPE",
    message: /keypoint.*"state"/,
  });
  assert.deepEqual(keypointSystem.eyes("reach", { observation: "both" }), keypointSystem.eyes("reach"));
});

test("a checkpoint of another seed or recipe is refused by name", async () => {
  const learner = await open();
  const checkpoint = await learner.snapshot();
  await learner.close();
  await assert.rejects(open({ seed: 9, resume: checkpoint }), { code: "ERR_CHECKPOINT_MISMATCH", message: /seed 9/ });
  const options = { world: new DotWorld(), seed: 3, clock: systemClock(), resume: checkpoint };
  await assert.rejects(KeypointLearner.open(options, { ...recipe, learningRate: 1 }), {
    code: "ERR_CHECKPOINT_MISMATCH",
    message: /same recipe, learningRate 1, but .* learningRate 0\.\d+\./,
  });
});

test("a time budget ends the run when it is used up", async () => {
  // Every reading of the clock is 10 ms after the one before.
  let nowNs = 0;
  const clock = { monotonicNs: () => (nowNs += 1e7), rosNs: () => 0n };
  const short = { ...recipe, randomEpisodes: 20 };
  const learner = await KeypointLearner.open({ world: new DotWorld(), seed: 3, clock, seconds: 8 }, short);
  let elapsedNs = 0;
  while (!learner.finished) {
    const beganNs = nowNs;
    await learner.advance();
    elapsedNs += nowNs - beganNs;
  }
  await learner.close();
  assert.ok(elapsedNs > 7.9e9 && elapsedNs < 9e9, `${elapsedNs / 1e9} s`);
});
