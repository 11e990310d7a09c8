import assert from "node:assert/strict";
import { test } from "node:test";

import type { Rng } from "../../../src/core/rng.ts";
import { dreamerV3Online } from "../../../src/learning/dreamer-v3/system.ts";
import type { LearnerReport } from "../../../src/learning/learner.ts";
import { OnlineLearner, type OnlineSystem } from "../../../src/learning/online/learner.ts";
import type { OnlineRecipe } from "../../../src/learning/online/recipe.ts";
import { SequenceReplay } from "../../../src/learning/online/sequence-replay.ts";
import type { BatchArrays } from "../../../src/learning/optimization/batches.ts";
import type { Checkpoint } from "../../../src/learning/optimization/checkpoint.ts";
import { planetOnline } from "../../../src/learning/planet/system.ts";
import { spacesOf } from "../../../src/learning/world/spaces.ts";
import { DotWorld } from "../../support/dot-world.ts";
import { slicingClock } from "../../support/slicing-clock.ts";
import { tinyDreamerV3, tinyPlanet } from "../../support/tiny-systems.ts";

const online: OnlineRecipe = {
  steps: 300,
  randomSteps: 240,
  firstUpdates: 120,
  updatesPerStep: 0.25,
  explorationStd: 0.1,
  evaluateEvery: 150,
};
const planetTiny = tinyPlanet(online);

const spaces = spacesOf(new DotWorld());
const systems: Readonly<Record<string, OnlineSystem>> = {
  "dreamer-v3": dreamerV3Online(spaces, tinyDreamerV3(online)),
  planet: planetOnline(spaces, planetTiny),
};

function open(system: OnlineSystem, options: { seed?: number; resume?: Checkpoint } = {}): Promise<OnlineLearner> {
  return OnlineLearner.open({ world: new DotWorld(), seed: 3, clock: slicingClock(), ...options }, system);
}

async function finish(learner: OnlineLearner): Promise<LearnerReport[]> {
  const reports: LearnerReport[] = [];
  while (!learner.finished) reports.push(await learner.advance());
  return reports;
}

for (const [name, system] of Object.entries(systems)) {
  const whole = await open(system);
  const reports = await finish(whole);
  const trained = await whole.weights();
  await whole.close();

  test(`${name}: the losses of reward and image fall`, () => {
    const figures = reports.filter(({ phase }) => phase === "train").map((report) => report.figures);
    for (const loss of ["reward", "image"]) {
      assert.ok(figures.at(-1)![loss]! < 0.9 * figures[0]![loss]!, `${loss}: ${figures.map((each) => each[loss])}`);
    }
  });

  test(`${name}: updates keep pace with steps, and rounds end where evaluations are due`, () => {
    const { updates, environmentSteps, progress } = reports.at(-1)!;
    assert.equal(updates, online.firstUpdates + online.updatesPerStep * (environmentSteps - online.randomSteps));
    assert.equal(progress, 1);
    assert.ok(environmentSteps >= online.steps && environmentSteps < online.steps + new DotWorld().episodeSteps);
    const milestones = reports.filter(({ milestone }) => milestone).map((report) => report.environmentSteps);
    assert.deepEqual(milestones, [online.randomSteps, online.steps]);
  });

  test(`${name}: a run that is stopped and resumed ends with the same weights, bit for bit`, async () => {
    const learner = await open(system);
    for (let i = 0; i < reports.length - 7; i++) await learner.advance();
    const resume = await learner.snapshot();
    await learner.close();
    const resumed = await open(system, { resume });
    await finish(resumed);
    assert.deepEqual(await resumed.weights(), trained);
    await resumed.close();
  });

  test(`${name}: a checkpoint of another seed, system or recipe is refused by name`, async () => {
    const learner = await open(system);
    await learner.advance();
    const resume = await learner.snapshot();
    await learner.close();
    const refused = (message: RegExp) => ({ code: "ERR_CHECKPOINT_MISMATCH", message });
    await assert.rejects(open(system, { seed: 4, resume }), refused(/seed 4/));
    await assert.rejects(open({ ...system, name: "another" }, { resume }), refused(/run of another/));
    await assert.rejects(open({ ...system, hyperparameters: { units: 1 } }, { resume }), refused(/same recipe.*units/));
  });
}

class PoisonedReplay extends SequenceReplay {
  override fill(arrays: BatchArrays, rng: Rng): void {
    super.fill(arrays, rng);
    (arrays.reward as Float32Array).fill(Number.NaN);
  }
}

test("a run that diverges says where, and names the last checkpoint", async () => {
  const system = systems.planet!;
  const poisoned: OnlineSystem = {
    ...system,
    batches: (store) => new PoisonedReplay(store, planetTiny.sequence),
  };
  const learner = await open(poisoned);
  learner.noteSaved("run/checkpoint.safetensors");
  await assert.rejects(finish(learner), {
    code: "ERR_TRAINING_DIVERGED",
    message: /planet diverged at step 10: loss NaN.*run\/checkpoint\.safetensors of step 0/,
  });
  await learner.close();
});
