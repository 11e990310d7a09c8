import assert from "node:assert/strict";
import { test } from "node:test";

import { Rng } from "../../../src/core/rng.ts";
import { BundlePolicy } from "../../../src/learning/bundle/bundle-policy.ts";
import { fillGraphs } from "../../../src/learning/bundle/fill-graphs.ts";
import { imagine, playRandomEpisode } from "../../../src/learning/imagination.ts";
import type { LearnerReport } from "../../../src/learning/learner.ts";
import { OnlineLearner } from "../../../src/learning/online/learner.ts";
import { evaluate } from "../../../src/learning/run/evaluate.ts";
import { exploringPolicy } from "../../../src/learning/run/rollout.ts";
import { recipeFor } from "../../../src/learning/vae-agent/recipe.ts";
import { vaeAgentOnline, vaeAgentSystem } from "../../../src/learning/vae-agent/system.ts";
import { spacesOf } from "../../../src/learning/world/spaces.ts";
import { DotWorld } from "../../support/dot-world.ts";
import { slicingClock } from "../../support/slicing-clock.ts";
import { tinyVaeAgent } from "../../support/tiny-systems.ts";

const recipe = tinyVaeAgent({
  steps: 1000,
  randomSteps: 960,
  firstUpdates: 250,
  updatesPerStep: 0.5,
  explorationStd: 0.2,
  evaluateEvery: 1e6,
});

const world = new DotWorld();
const learner = await OnlineLearner.open(
  { world, seed: 3, clock: slicingClock() },
  vaeAgentOnline(spacesOf(world), recipe),
);
const reports: LearnerReport[] = [];
while (!learner.finished) reports.push(await learner.advance());
const weights = await learner.weights();
test.after(() => learner.close());

test("the errors of images, rewards and imagined embeddings fall", () => {
  const losses = reports.filter(({ phase }) => phase === "train").map(({ figures }) => figures);
  for (const loss of ["reconstruction", "seenReward", "imaginedReward", "consistency"]) {
    assert.ok(losses.at(-1)![loss]! < 0.8 * losses[0]![loss]!, `${loss}: ${losses.map((figures) => figures[loss])}`);
  }
});

test("after a few hundred updates it plays far better than chance", async () => {
  const policy = await BundlePolicy.open(
    fillGraphs(learner.graphs, weights, ["encode", "observe", "plan"]),
    new Rng(1),
  );
  const played = await evaluate(world, policy, { episodes: 20, seed: 1e6 });
  const random = await evaluate(world, exploringPolicy(world, new Rng(1)), { episodes: 20, seed: 1e6 });
  await policy.close();
  assert.ok(played.meanReturn > 0.75 * random.meanReturn, `${played.meanReturn} against ${random.meanReturn}`);
});

test("what it imagines can be shown", async () => {
  const onnx = fillGraphs(learner.graphs, weights, ["encode", "observe", "imagine", "decode"]);
  const store = await playRandomEpisode(world, 1);
  const { cameras } = world.observationSpace;
  const { views, imaginedRewards } = await imagine(store, cameras, onnx, { seed: 1, seenSteps: 1, steps: 4 });
  assert.deepEqual(
    views.map(({ camera, imaginedFrames }) => [camera, imaginedFrames.length]),
    [["scene", 4]],
  );
  assert.ok(imaginedRewards.every(Number.isFinite));

  const beyond = { seed: 1, seenSteps: 1, steps: world.episodeSteps };
  await assert.rejects(imagine(store, cameras, onnx, beyond), {
    code: "ERR_INVALID_ARGUMENT",
    message: new RegExp(`at most ${world.episodeSteps - 1} steps`),
  });
});

test("an unknown task names the known ones, and it cannot do without a camera", () => {
  assert.throws(() => recipeFor("juggle"), { code: "ERR_UNKNOWN_RECIPE", remedy: /reach/ });
  assert.throws(() => vaeAgentSystem.eyes("reach", { observation: "state" }), {
    code: "ERR_UNKNOWN_RECIPE",
    remedy: /pixels/,
  });
});
