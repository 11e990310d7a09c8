import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../src/core/rng.ts";
import { MODERATE_RANDOMIZATION } from "../../../src/sim/domain-shift.ts";
import type { SimulatedEnvironment } from "../../../src/sim/environment.ts";
import { createEnvironment, TASKS } from "../../../src/sim/index.ts";
import { randomPolicy } from "../../../src/sim/random-policy.ts";

/** Rewards, proprioception and pictures of a few random steps: all that an agent can see. */
function roll(environment: SimulatedEnvironment, policySeed: number, steps: number): number[] {
  const { cameras, proprioception } = environment.observationSpace;
  const next = randomPolicy(new Rng(policySeed), environment.actionSpace.dimensions.length);
  const action = new Float32Array(environment.actionSpace.dimensions.length);
  const sensed = new Float32Array(proprioception.length);
  const seen: number[] = [];
  for (let i = 0; i < steps; i++) {
    next(action);
    seen.push(environment.step(action).reward);
    environment.proprioceptionInto(sensed);
    seen.push(...sensed);
  }
  for (const { name, width, height } of cameras) {
    const image = new Uint8Array(width * height * 3);
    environment.renderInto(name, image);
    seen.push(...image);
  }
  return seen;
}

for (const { name, rewardRange } of TASKS) {
  test(`${name}: the same seed gives the same episode, another seed another one`, async () => {
    using first = await createEnvironment(name);
    using second = await createEnvironment(name, { seed: 99 });
    first.reset(7);
    second.reset(7);
    const episode = roll(first, 1, 20);
    assert.deepEqual(roll(second, 1, 20), episode);
    first.reset(8);
    assert.notDeepEqual(roll(first, 1, 20), episode);
  });

  test(`${name}: random actions never break it, and every value stays in its range`, async () => {
    using environment = await createEnvironment(name);
    const next = randomPolicy(new Rng(3), environment.actionSpace.dimensions.length);
    const action = new Float32Array(environment.actionSpace.dimensions.length);
    const sensed = new Float32Array(environment.observationSpace.proprioception.length);
    for (let episode = 0; episode < 5; episode++) {
      environment.reset(episode);
      for (let step = 1; step <= environment.episodeSteps; step++) {
        next(action);
        const result = environment.step(action);
        assert.ok(result.reward >= rewardRange[0] && result.reward <= rewardRange[1], `reward ${result.reward}`);
        assert.equal(result.isLast, step === environment.episodeSteps);
        environment.proprioceptionInto(sensed);
        assert.ok(sensed.every(Number.isFinite));
      }
      assert.equal(environment.countWarnings(), 0);
    }
  });

  test(`${name}: a saved state continues bit for bit in another environment`, async () => {
    using first = await createEnvironment(name, { randomization: MODERATE_RANDOMIZATION, seed: 5 });
    using second = await createEnvironment(name);
    roll(first, 2, 13);
    const state = structuredClone(first.saveState());
    const continued = roll(first, 4, 17);
    second.restoreState(state);
    assert.deepEqual(roll(second, 4, 17), continued);
  });

  test(`${name}: one policy step is its command ticks, one after another`, async () => {
    using stepped = await createEnvironment(name, { seed: 4 });
    using ticked = await createEnvironment(name, { seed: 4 });
    const rng = new Rng(4);
    const { dimensions } = stepped.actionSpace;
    const action = new Float32Array(dimensions.length);
    for (let step = 0; step < 5; step++) {
      stepped.step(rng.fillUniform(action, -1, 1));
      const command = Float32Array.from(action, (value, i) => {
        const { low, high } = dimensions[i]!;
        return low + ((value + 1) / 2) * (high - low);
      });
      ticked.applyCommand(ticked.robot === undefined ? "effort" : "velocity", command);
      const ticks = ticked.commandRateHz / ticked.controlRateHz;
      for (let tick = 0; tick < ticks; tick++) ticked.advance(1 / ticked.commandRateHz);
    }
    assert.deepEqual(ticked.saveState().physics, stepped.saveState().physics);
    assert.deepEqual(ticked.score(), stepped.score());
  });

  test(`${name}: every camera draws at the size asked for, and shows the episode's start`, async () => {
    const size = { width: 48, height: 36 };
    using plain = await createEnvironment(name);
    for (const { name: camera } of plain.observationSpace.cameras) {
      using environment = await createEnvironment(name, { imageSizes: { [camera]: size } });
      const image = new Uint8Array(size.width * size.height * 3);
      environment.renderInto(camera, image);
      const colors = new Set(
        Array.from({ length: image.length / 3 }, (_, i) => String(image.subarray(3 * i, 3 * i + 3))),
      );
      assert.ok(colors.size > 8, `only ${colors.size} colours`);
      const { width, height } = environment.cameraModel(camera);
      assert.deepEqual({ width, height }, size);
    }
  });

  test(`${name}: a new target moves nothing but the target`, async (t) => {
    using environment = await createEnvironment(name, { seed: 6 });
    if (!environment.canRetarget) return t.skip("the task has no target");
    roll(environment, 1, 10);
    const [before, scoreBefore] = [joints(environment), environment.score().reward];
    environment.retarget(new Rng(77));
    assert.deepEqual(joints(environment), before);
    assert.notEqual(environment.score().reward, scoreBefore);
  });
}

function joints(environment: SimulatedEnvironment): { positions: Float64Array; velocities: Float64Array } {
  const count = environment.robot?.joints.length ?? 0;
  const [positions, velocities] = [new Float64Array(count), new Float64Array(count)];
  environment.jointsInto(positions, velocities);
  return { positions, velocities };
}
