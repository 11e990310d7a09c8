import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { repeatActions } from "../../../src/learning/world/repeat-actions.ts";
import { openTrainingWorld } from "../../../src/nodes/training-world.ts";
import { createEnvironment } from "../../../src/sim/index.ts";

test("a new goal begins a new episode of full length", async () => {
  using environment = await createEnvironment("reacher-easy");
  const action = new Float32Array(environment.actionSpace.dimensions.length);
  environment.reset(1);
  let steps = 0;
  while (!environment.step(action).isLast) steps++;
  environment.retarget(new Rng(2));
  let stepsAfter = 0;
  while (!environment.step(action).isLast) stepsAfter++;
  assert.equal(stepsAfter, steps);
});

test("an action is held as long after a new goal as before it", async () => {
  const world = repeatActions(await openTrainingWorld("reacher-easy", { cameras: [], width: 1, height: 1 }), 2);
  const sensed = new Float32Array(world.observationSpace.proprioception.length);
  const action = Float32Array.of(1, 1);
  /** How far the arm is turned by one action from rest. */
  const turn = () => {
    world.proprioceptionInto(sensed);
    const before = sensed.slice();
    world.step(action);
    world.proprioceptionInto(sensed);
    return Math.hypot(sensed[0]! - before[0]!, sensed[1]! - before[1]!);
  };
  world.reset(1);
  for (let step = 0; step < world.episodeSteps; step++) world.step(Float32Array.of(0, 0));
  world.retarget!(new Rng(2));
  const late = turn();
  world.reset(1);
  for (let step = 0; step < world.episodeSteps - 2; step++) world.step(Float32Array.of(0, 0));
  const early = turn();
  assert.ok(Math.abs(late / early - 1) < 0.05, `${late} against ${early}`);
  world.close();
});
