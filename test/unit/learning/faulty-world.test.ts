import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { FAULTS, type Fault, FaultyWorld } from "../../../src/learning/surprise/faulty-world.ts";
import type { TrainingWorld } from "../../../src/learning/world/training-world.ts";
import { DotWorld } from "../../support/dot-world.ts";

const FROM = 3;
const BYTES = 64 * 64 * 3;

/** A world of plain functions, as those behind a command are. */
function plainDotWorld(seedOffset = 0): TrainingWorld {
  const dot = new DotWorld(8);
  return {
    task: dot.task,
    observationSpace: dot.observationSpace,
    actionSpace: dot.actionSpace,
    controlRateHz: dot.controlRateHz,
    episodeSteps: dot.episodeSteps,
    proprioceptionFeatures: dot.proprioceptionFeatures,
    randomPolicy: (rng) => dot.randomPolicy(rng),
    reset: (seed) => dot.reset(seed + seedOffset),
    retarget: (rng) => dot.retarget(rng),
    pushObject: (rng) => dot.retarget(rng),
    step: (action) => dot.step(action),
    renderInto: (camera, out) => dot.renderInto(camera, out),
    proprioceptionInto: (out) => dot.proprioceptionInto(out),
    close() {},
  };
}

/** Images of one episode, step by step. */
function imagesUnder(fault: Fault | undefined): Uint8Array[] {
  const faulty = new FaultyWorld(plainDotWorld(), plainDotWorld(1));
  faulty.rehearse(fault, FROM);
  const { world } = faulty;
  world.reset(4);
  return Array.from({ length: 6 }, (_, t) => {
    if (t > 0) world.step(Float32Array.of(0.1, 0.1));
    const image = new Uint8Array(BYTES);
    world.renderInto("scene", image);
    return image;
  });
}

const nominal = imagesUnder(undefined);

for (const fault of Object.keys(FAULTS) as Fault[]) {
  test(`${fault}: images are true before the step and wrong from it on`, () => {
    const images = imagesUnder(fault);
    for (let t = 0; t < FROM; t++) assert.deepEqual(images[t], nominal[t]);
    if (fault === "frozen") for (let t = FROM; t < 6; t++) assert.deepEqual(images[t], images[FROM - 1]);
    else for (let t = FROM; t < 6; t++) assert.notDeepEqual(images[t], nominal[t]);
  });
}

test("a world that is no plain object goes wrong like any other", () => {
  const faulty = new FaultyWorld(new DotWorld(8), new DotWorld(8));
  faulty.rehearse("goal", FROM);
  const { world } = faulty;
  world.reset(4);
  const sensed = new Float32Array(2);
  const goals = Array.from({ length: FROM + 1 }, () => {
    world.step(Float32Array.of(0, 0));
    world.proprioceptionInto(sensed);
    const image = new Uint8Array(BYTES);
    world.renderInto("scene", image);
    return image;
  });
  assert.deepEqual(goals[0], goals[1]);
  assert.notDeepEqual(goals[1], goals[FROM]);
  assert.ok(world.randomPolicy(new Rng(1)) !== undefined && sensed.some((value) => value !== 0));
  world.close();
});

test("what a task does not have cannot go wrong in it", () => {
  const { retarget: _, pushObject: __, ...plain } = plainDotWorld();
  assert.deepEqual(new FaultyWorld(plain, plain).faults, ["occluded", "black", "frozen", "moved"]);
});

test("a black image is black, and an occluded one is dark in its middle half alone", () => {
  assert.ok(imagesUnder("black")[FROM]!.every((level) => level === 0));
  const occluded = imagesUnder("occluded")[FROM]!;
  assert.equal(occluded[3 * (32 * 64 + 32)], 20);
  assert.equal(occluded[3 * (15 * 64 + 32)], nominal[FROM]![3 * (15 * 64 + 32)]);
});

test("an episode after a fault is whole again", () => {
  const faulty = new FaultyWorld(plainDotWorld(), plainDotWorld(1));
  faulty.rehearse("black", 0);
  faulty.world.reset(4);
  faulty.rehearse(undefined, 0);
  faulty.world.reset(4);
  const image = new Uint8Array(BYTES);
  faulty.world.renderInto("scene", image);
  assert.deepEqual(image, nominal[0]);
});
