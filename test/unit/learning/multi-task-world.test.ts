import assert from "node:assert/strict";
import { test } from "node:test";
import type { Manifest } from "../../../src/config/manifest.ts";
import { Rng } from "../../../src/core/rng.ts";
import { MultiTaskWorld, tasksSensed } from "../../../src/learning/world/multi-task-world.ts";
import { openWorldOf } from "../../../src/nodes/training-world.ts";
import { PointWorld } from "../../support/point-world.ts";

const plane = () => new PointWorld("plane", 2);
const line = () => new PointWorld("line", 1);

function sensed(world: MultiTaskWorld): number[] {
  const out = new Float32Array(world.proprioceptionFeatures.length).fill(9);
  world.proprioceptionInto(out);
  return [...out];
}

test("the seed of an episode decides the task, and the end of the proprioception says which one", () => {
  const world = new MultiTaskWorld([plane(), line()]);
  world.reset(4);
  assert.deepEqual(sensed(world).slice(-2), [1, 0]);
  world.reset(5);
  assert.deepEqual(sensed(world).slice(-2), [0, 1]);
});

test("what a task does not sense is zero, and what it cannot do is not played", () => {
  const world = new MultiTaskWorld([plane(), line()]);
  world.reset(5);
  const alone = line();
  alone.reset(5);
  const own = new Float32Array(2);
  alone.proprioceptionInto(own);
  assert.deepEqual(sensed(world), [...own, 0, 0, 0, 1]);
  const { reward } = world.step(Float32Array.of(0.5, -1));
  assert.equal(reward, alone.step(Float32Array.of(0.5)).reward);
  const action = new Float32Array(2).fill(9);
  world.randomPolicy(new Rng(1))(action);
  assert.ok(Math.abs(action[0]!) <= 1 && action[1] === 0);
});

test("a world may stay with one of its tasks, which its proprioception names", () => {
  const world = new MultiTaskWorld([plane(), line()], "line");
  for (const seed of [4, 5]) {
    world.reset(seed);
    assert.deepEqual(sensed(world).slice(-2), [0, 1]);
  }
  assert.deepEqual(tasksSensed(world.observationSpace.proprioception), ["plane", "line"]);
  assert.throws(() => new MultiTaskWorld([plane(), line()], "cube"), { code: "ERR_INVALID_ARGUMENT", message: /cube/ });
});

test("tasks of different lengths are refused", () => {
  const longer = new PointWorld("longer", 1, { episodeSteps: 7 });
  assert.throws(() => new MultiTaskWorld([plane(), longer]), {
    code: "ERR_INVALID_ARGUMENT",
    message: /plane and longer/,
  });
});

test("a model of several tasks that sees and does not feel is given no more than which task it is", async () => {
  const tasks = ["cartpole-swingup", "reacher-easy"];
  const manifest = {
    observation: {
      cameras: [{ name: "scene", width: 64, height: 64, colorOrder: "rgb", crop: null, calibrationSha256: null }],
      proprioception: tasks.map((task) => ({ name: `task.${task}`, offset: 0, scale: 1 })),
    },
    policyRateHz: 50,
  } as unknown as Manifest;
  const world = await openWorldOf(manifest, tasks[1]!);
  world.reset(1);
  assert.equal(world.proprioceptionFeatures.length, 2);
  const out = new Float32Array(2);
  world.proprioceptionInto(out);
  assert.deepEqual([...out], [0, 1]);
  world.close();
});
