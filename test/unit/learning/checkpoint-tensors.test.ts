import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import {
  borrowTensors,
  checkpointSpecs,
  copyTensors,
  emptyState,
  initialTensors,
  parametersOf,
} from "../../../src/learning/optimization/checkpoint-tensors.ts";
import { tinyCritic } from "../../support/tiny-critic.ts";

const step = tinyCritic();

test("a checkpoint holds every parameter and target copy under its own name and shape, packed or not", () => {
  assert.ok(
    step.state.some(({ parts }) => parts.length > 1),
    "this step must pack parameters for the test to mean something",
  );
  const shapes = new Map(checkpointSpecs(step).map(({ name, shape }) => [name, shape]));
  for (const { name, shape, group } of step.parameters) {
    assert.deepEqual(shapes.get(name), shape);
    assert.deepEqual(shapes.get(`target/${name}`), group === "value" ? shape : undefined);
  }
  assert.deepEqual(shapes.get("scale"), []);
});

test("state taken apart into checkpoint tensors and put together again is the same state", () => {
  const rng = new Rng(8);
  const state = emptyState(step);
  for (const values of state.values()) rng.fillNormal(values);
  const restored = emptyState(step);
  copyTensors(step, borrowTensors(step, state), restored);
  assert.deepEqual(restored, state);
});

test("the initial state depends on the seed, starts targets at the parameters and takes pretrained values", () => {
  assert.deepEqual(initialTensors(step, 1), initialTensors(step, 1));
  assert.notDeepEqual(initialTensors(step, 1), initialTensors(step, 2));
  const name = "value/linear0/weight";
  const start = initialTensors(step, 1);
  assert.deepEqual(start.get(`target/${name}`), start.get(name));
  assert.equal(start.get("scale")!.data[0], 1);
  const pretrained = new Float32Array(18).fill(0.5);
  const warm = initialTensors(step, 1, new Map([[name, pretrained]]));
  assert.deepEqual(parametersOf(step, warm).get(name), pretrained);
  assert.deepEqual(warm.get("policy/weight"), start.get("policy/weight"));
});
