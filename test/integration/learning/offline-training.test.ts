import assert from "node:assert/strict";
import { test } from "node:test";
import { dreamerV3Online } from "../../../src/learning/dreamer-v3/system.ts";
import type { LearnerOptions, LearnerReport } from "../../../src/learning/learner.ts";
import { OnlineLearner, type OnlineSystem } from "../../../src/learning/online/learner.ts";
import type { OnlineRecipe } from "../../../src/learning/online/recipe.ts";
import { planetOnline } from "../../../src/learning/planet/system.ts";
import { tdMpc2Online } from "../../../src/learning/td-mpc2/system.ts";
import { vaeAgentOnline } from "../../../src/learning/vae-agent/system.ts";
import { spacesOf } from "../../../src/learning/world/spaces.ts";
import { randomEpisodes } from "../../support/dot-bundle.ts";
import { DotWorld } from "../../support/dot-world.ts";
import { slicingClock } from "../../support/slicing-clock.ts";
import { tinyDreamerV3, tinyPlanet, tinyTdMpc2, tinyVaeAgent } from "../../support/tiny-systems.ts";

/** 100 updates in all, and four evaluations: whenever online another 40 steps would have been collected. */
const recipe: OnlineRecipe = {
  steps: 160,
  randomSteps: 60,
  firstUpdates: 50,
  updatesPerStep: 0.5,
  explorationStd: 0,
  evaluateEvery: 40,
};
const spaces = spacesOf(new DotWorld());
const systems: readonly OnlineSystem[] = [
  vaeAgentOnline(spaces, tinyVaeAgent(recipe)),
  planetOnline(spaces, tinyPlanet(recipe)),
  dreamerV3Online(spaces, tinyDreamerV3(recipe)),
  tdMpc2Online(spaces, tinyTdMpc2(recipe)),
];
const recorded = await randomEpisodes(new DotWorld(), 40, 300);

function open(system: OnlineSystem, options: Partial<LearnerOptions> = {}) {
  return OnlineLearner.open({ world: new DotWorld(), seed: 3, clock: slicingClock(), recorded, ...options }, system);
}

for (const system of systems) {
  test(`${system.name} learns from recorded episodes alone, and goes on exactly after a stop`, async (t) => {
    const world = new DotWorld();
    const learner = await open(system, { world });
    t.after(() => learner.close());
    const reports: LearnerReport[] = [];
    while (!learner.finished && reports.length < 4) reports.push(await learner.advance());
    const resume = await learner.snapshot();
    while (!learner.finished) reports.push(await learner.advance());
    assert.equal(world.resets, 0);
    assert.deepEqual(learner.collected, { episodes: 40, steps: 240 });
    assert.equal(reports.at(-1)!.updates, 100);
    const rounds = reports.filter(({ milestone }) => milestone).map(({ updates }) => updates);
    assert.deepEqual(rounds, [34, 60, 80, 100]);
    const [first, last] = [reports[0]!.figures.loss!, reports.at(-1)!.figures.loss!];
    assert.ok(last < 0.9 * first, `${first}, then ${last}`);

    const resumed = await open(system, { resume });
    t.after(() => resumed.close());
    while (!resumed.finished) await resumed.advance();
    assert.deepEqual(await resumed.weights(), await learner.weights());
  });
}

test("a run does not go on with other episodes, nor begin without one that is long enough", async (t) => {
  const [system] = systems;
  const learner = await open(system!);
  t.after(() => learner.close());
  await learner.advance();
  const others = await randomEpisodes(new DotWorld(), 40, 301);
  await assert.rejects(open(system!, { resume: await learner.snapshot(), recorded: others }), {
    code: "ERR_CHECKPOINT_MISMATCH",
    message: /40 recorded episodes/,
  });
  const none = await randomEpisodes(new DotWorld(), 0, 1);
  await assert.rejects(open(system!, { recorded: none }), { code: "ERR_REPLAY_EMPTY" });
});

test("with a budget of time a run ends by the clock", async (t) => {
  const learner = await open(systems[0]!, { seconds: 3 });
  t.after(() => learner.close());
  while (!learner.finished) await learner.advance();
  assert.equal((await learner.snapshot()).progress.step > 0, true);
});
