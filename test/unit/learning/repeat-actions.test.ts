import assert from "node:assert/strict";
import { test } from "node:test";
import { repeatActions } from "../../../src/learning/world/repeat-actions.ts";
import type { TrainingWorld } from "../../../src/learning/world/training-world.ts";

/** Pays 1, 2, 3 … and ends after five steps. */
function countingWorld(): TrainingWorld {
  let steps = 0;
  return {
    task: "counting",
    observationSpace: { cameras: [], proprioception: [] },
    actionSpace: { dimensions: [{ name: "x", unit: "1", low: -1, high: 1 }] },
    proprioceptionFeatures: [],
    controlRateHz: 100,
    episodeSteps: 5,
    reset: () => {
      steps = 0;
    },
    step: () => ({ reward: ++steps, isTerminal: false, isLast: steps >= 5, success: false }),
    renderInto: () => {},
    proprioceptionInto: () => {},
    randomPolicy: () => () => {},
    close: () => {},
  };
}

test("rewards of the held steps are added up, and an episode that ends in between ends", () => {
  const world = repeatActions(countingWorld(), 2);
  world.reset(0);
  const results = [1, 2, 3].map(() => world.step(Float32Array.of(0)));
  assert.deepEqual(
    results.map(({ reward, isLast }) => [reward, isLast]),
    [
      [1 + 2, false],
      [3 + 4, false],
      [5, true],
    ],
  );
});

test("the rate and the length of an episode follow", () => {
  const { controlRateHz, episodeSteps, actionRepeat } = repeatActions(repeatActions(countingWorld(), 2), 2);
  assert.deepEqual([controlRateHz, episodeSteps, actionRepeat], [25, 2, 4]);
});

test("an action that is held for one step leaves the world as it is", () => {
  const world = countingWorld();
  assert.equal(repeatActions(world, 1), world);
});
