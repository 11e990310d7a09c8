import assert from "node:assert/strict";
import { test } from "node:test";

import { Rng } from "../../../src/core/rng.ts";
import { BundlePolicy } from "../../../src/learning/bundle/bundle-policy.ts";
import { fillGraphs } from "../../../src/learning/bundle/fill-graphs.ts";
import type { LearnerReport } from "../../../src/learning/learner.ts";
import { OnlineLearner } from "../../../src/learning/online/learner.ts";
import type { OnlineRecipe } from "../../../src/learning/online/recipe.ts";
import type { Checkpoint } from "../../../src/learning/optimization/checkpoint.ts";
import { evaluate } from "../../../src/learning/run/evaluate.ts";
import { exploringPolicy } from "../../../src/learning/run/rollout.ts";
import { recipeFor } from "../../../src/learning/td-mpc2/recipe.ts";
import { tdMpc2Online, tdMpc2System } from "../../../src/learning/td-mpc2/system.ts";
import { spacesOf } from "../../../src/learning/world/spaces.ts";
import { DotWorld } from "../../support/dot-world.ts";
import { slicingClock } from "../../support/slicing-clock.ts";
import { tinyTdMpc2 } from "../../support/tiny-systems.ts";

const recipe = tinyTdMpc2({
  steps: 1200,
  randomSteps: 1080,
  firstUpdates: 600,
  updatesPerStep: 0.5,
  explorationStd: 0,
  evaluateEvery: 1e6,
});

function open({ refreshEvery, ...options }: { refreshEvery?: number; resume?: Checkpoint } = {}) {
  const world = new DotWorld();
  const online = { ...recipe.online, ...(refreshEvery !== undefined && { refreshEvery }) };
  return OnlineLearner.open(
    { world, seed: 3, clock: slicingClock(), ...options },
    tdMpc2Online(spacesOf(world), { ...recipe, online }),
  );
}

async function finish(learner: OnlineLearner): Promise<LearnerReport[]> {
  const reports: LearnerReport[] = [];
  while (!learner.finished) reports.push(await learner.advance());
  return reports;
}

const whole = await open();
const reports = await finish(whole);
const trained = await whole.weights();

test("the losses of the model fall", () => {
  const losses = reports.filter(({ phase }) => phase === "train").map(({ figures }) => figures);
  for (const loss of ["reward", "value"]) {
    assert.ok(losses.at(-1)![loss]! < 0.7 * losses[0]![loss]!, `${loss}: ${losses.map((figures) => figures[loss])}`);
  }
});

test("after a few hundred updates it plays far better than chance", async () => {
  const onnx = fillGraphs(whole.graphs, trained, ["encode", "observe", "plan"]);
  const policy = await BundlePolicy.open(onnx, new Rng(1));
  const world = new DotWorld();
  const played = await evaluate(world, policy, { episodes: 20, seed: 1e6 });
  const random = await evaluate(world, exploringPolicy(world, new Rng(1)), { episodes: 20, seed: 1e6 });
  await policy.close();
  assert.ok(played.meanReturn > 0.75 * random.meanReturn, `${played.meanReturn} against ${random.meanReturn}`);
});

test("a run that is stopped and resumed ends with the same weights", async () => {
  const learner = await open();
  for (let i = 0; i < reports.length - 5; i++) await learner.advance();
  const resume = await learner.snapshot();
  await learner.close();
  const resumed = await open({ resume });
  await finish(resumed);
  assert.deepEqual(await resumed.weights(), trained);
  await resumed.close();
});

test("within an episode it learns after every piece, acts by what it learned, and can be resumed between episodes", async () => {
  const learner = await open({ refreshEvery: 2 });
  const before: LearnerReport[] = [];
  let resume: Checkpoint | undefined;
  while (!learner.finished) {
    before.push(await learner.advance());
    const learned = before.at(-1)!.updates > 600; // some of what the first episodes of its own ask for
    if (learned && learner.resumable) resume ??= await learner.snapshot();
  }
  const collected = before.filter(({ phase, updates }) => phase === "collect" && updates > 0);
  const pieces = collected.map(({ environmentSteps, updates, figures }) => [
    environmentSteps - 1080,
    updates,
    "return" in figures,
  ]);
  assert.deepEqual(pieces.slice(0, 4), [
    [2, 600, false],
    [4, 601, false],
    [6, 602, true],
    [8, 603, false],
  ]);
  assert.notDeepEqual(await learner.weights(), trained);
  const resumed = await open({ refreshEvery: 2, resume: resume! });
  await finish(resumed);
  assert.deepEqual(await resumed.weights(), await learner.weights());
  await Promise.all([learner.close(), resumed.close()]);
});

test("of several tasks each gets the steps and updates of its own recipe, in whatever order", () => {
  const online = (task: string) => recipeFor(task, { episodeSteps: 500, observation: "state" }).online;
  const updates = ({ updatesPerStep, steps, randomSteps }: OnlineRecipe) => updatesPerStep * (steps - randomSteps);
  const [cartpole, reacher] = [online("cartpole-swingup"), online("reacher-easy")];
  assert.ok(cartpole.updatesPerStep > reacher.updatesPerStep);
  for (const both of [online("cartpole-swingup,reacher-easy"), online("reacher-easy,cartpole-swingup")]) {
    assert.equal(both.steps, cartpole.steps + reacher.steps);
    assert.ok(Math.abs(updates(both) - updates(cartpole) - updates(reacher)) < 1e-6);
  }
});

test("a run of fewer steps than an episode has waits for its end before it learns", async () => {
  const world = new DotWorld();
  const online = { ...recipe.online, steps: 6, randomSteps: 2, firstUpdates: 2, refreshEvery: 1 };
  const learner = await OnlineLearner.open(
    { world, seed: 1, clock: slicingClock() },
    tdMpc2Online(spacesOf(world), { ...recipe, online }),
  );
  const phases: string[] = [];
  while (!learner.finished) phases.push((await learner.advance()).phase);
  assert.equal(phases[0], "collect");
  assert.ok(phases.includes("train"), `${phases}`);
  await learner.close();
});

test("an unknown task names the known ones, an observation without a recipe those that have one", () => {
  assert.throws(() => recipeFor("juggle", { episodeSteps: 10 }), {
    code: "ERR_UNKNOWN_RECIPE",
    remedy: /reach.*cartpole-swingup/,
  });
  assert.throws(() => tdMpc2System.eyes("reach", { observation: "state" }), {
    code: "ERR_UNKNOWN_RECIPE",
    remedy: /pixels/,
  });
  assert.equal(tdMpc2System.eyes("reach", { observation: "pixels" }).proprioception, false);
});

test.after(() => whole.close());
