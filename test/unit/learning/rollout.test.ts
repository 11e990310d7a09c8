import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Rng } from "../../../src/core/rng.ts";
import { EpisodeStore } from "../../../src/learning/episodes/episode-store.ts";
import type { Policy, PolicyInput } from "../../../src/learning/policy.ts";
import { evaluate } from "../../../src/learning/run/evaluate.ts";
import {
  exploringPolicy,
  interruptedPolicy,
  noisyPolicy,
  rollOut,
  scriptedPolicy,
} from "../../../src/learning/run/rollout.ts";
import { DotWorld } from "../../support/dot-world.ts";

const IMAGE_BYTES = 64 * 64 * 3;
const makeStore = (frames: number) =>
  new EpisodeStore({ imageBytes: { scene: IMAGE_BYTES }, proprioceptionSize: 2, actionSize: 2 }, frames);

/** Keeps what it was told, and asks for one action after another. */
class Witness implements Policy {
  readonly told: PolicyInput[] = [];
  readonly #actions: readonly (readonly [number, number])[];

  constructor(actions: readonly (readonly [number, number])[]) {
    this.#actions = actions;
  }

  act(input: PolicyInput, out: Float32Array): void {
    const { executed, inFlight, proprioception } = input;
    out.set(this.#actions[this.told.length % this.#actions.length]!);
    this.told.push({
      ...input,
      executed: executed.slice(),
      inFlight: inFlight.slice(),
      proprioception: proprioception.slice(),
    });
  }
}

test("an action is executed in full when its plan acts at once", async () => {
  const store = makeStore(7);
  await rollOut(new DotWorld(), new Witness([[0.5, -0.25]]), { start: { kind: "reset", seed: 1 }, store });
  for (let frame = 0; frame < 6; frame++) assert.deepEqual([...store.borrowAction(frame)], [0.5, -0.25]);
});

test("with a delay the action before it is executed for that share of the step, and the policy knows", async () => {
  const store = makeStore(7);
  const policy = new Witness([
    [1, 0],
    [-1, 0.5],
  ]);
  await rollOut(new DotWorld(), policy, { start: { kind: "reset", seed: 1 }, delay: 0.25, store });
  assert.deepEqual([...store.borrowAction(0)], [0.75, 0]);
  assert.deepEqual([...store.borrowAction(1)], [0.25 * 1 - 0.75, 0.375]);
  assert.deepEqual([...policy.told[1]!.inFlight], [1, 0]);
  assert.deepEqual([...policy.told[1]!.executed], [0.75, 0]);
  assert.equal(policy.told[1]!.inFlightFraction, 0.25);
});

test("the stored reward of a frame is the one on arriving there", async () => {
  const store = makeStore(4);
  const world = new DotWorld();
  const rewards: number[] = [];
  const onStep = ({ reward }: { reward: number }) => rewards.push(reward);
  await rollOut(world, exploringPolicy(world, new Rng(2)), {
    start: { kind: "reset", seed: 3 },
    steps: 3,
    store,
    onStep,
  });
  assert.deepEqual([...store.rewards.subarray(1)], rewards.map(Math.fround));
  assert.equal(store.rewards[0], 0);
});

test("an episode played again from its start and its executed actions gives the same bytes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), async (seed, delay) => {
      const [first, second] = [makeStore(7), makeStore(7)];
      const world = new DotWorld();
      const start = { kind: "reset", seed } as const;
      const rng = new Rng(seed);
      const policy = noisyPolicy(exploringPolicy(world, rng), 0.5, rng);
      await rollOut(world, policy, { start, delay, store: first });
      await rollOut(world, scriptedPolicy(first.actions), { start, store: second });
      assert.deepEqual(second, first);
    }),
    { numRuns: 20, seed: 1 },
  );
});

test("a new goal leaves the robot where it is and is no first observation", async () => {
  const world = new DotWorld();
  world.reset(5);
  const before = [...world.position];
  const policy = new Witness([[0, 0]]);
  await rollOut(world, policy, { start: { kind: "retarget", seed: 6 }, steps: 2 });
  assert.deepEqual([...world.position], before);
  assert.equal(world.resets, 1);
  assert.deepEqual(
    policy.told.map(({ isFirst }) => isFirst),
    [false, false],
  );
});

test("after a new goal the policy is told what it did last", async () => {
  const policy = new Witness([
    [1, 0],
    [-1, 0.5],
  ]);
  const options = { episodes: 2, seed: 10, delay: 0.25, episodesPerReset: 2 };
  await evaluate(new DotWorld(3), policy, options);
  const { executed, inFlight, isFirst } = policy.told[3]!;
  assert.equal(isFirst, false);
  assert.deepEqual([...inFlight], [1, 0]);
  assert.deepEqual([...executed], [0.25 * -1 + 0.75, 0.125]);
  policy.told.length = 0;
  await evaluate(new DotWorld(3), policy, { ...options, episodesPerReset: 1 });
  assert.deepEqual([...policy.told[3]!.executed], [0, 0]);
});

test("evaluation starts episode i from seed + i, and moves only the goal in between when asked to", async () => {
  const [anew, moving] = [new DotWorld(), new DotWorld()];
  const still = new Witness([[0, 0]]);
  const options = { episodes: 4, seed: 10 };
  const { meanFinalDistanceM, meanReturn } = await evaluate(anew, still, options);
  await evaluate(moving, still, { ...options, episodesPerReset: 4 });
  assert.equal(anew.resets, 4);
  assert.equal(moving.resets, 1);
  // Six still steps a metre's tenth from the goal are worth -6.
  assert.ok(Math.abs(meanReturn - -60 * meanFinalDistanceM!) < 1e-9);
});

test("a store hands out as many frames as it has room for, and no more", () => {
  const store = makeStore(2);
  const writer = store.begin({ kind: "reset", seed: 1 }, "random");
  assert.deepEqual([writer.nextFrame(), writer.nextFrame()], [0, 1]);
  assert.throws(() => writer.nextFrame(), { code: "ERR_STORE_FULL" });
});

test("an interrupted policy goes on observing, and is interrupted about as often as asked for", async () => {
  const own = new Witness([[1, 1]]);
  const other = new Witness([[-1, -1]]);
  const policy = interruptedPolicy(own, other, { probability: 0.1, longest: 3 }, new Rng(1));
  const store = makeStore(2001);
  await rollOut(new DotWorld(), policy, { start: { kind: "reset", seed: 1 }, steps: 2000, store });
  assert.equal(own.told.length, 2000);
  // Two steps a time on average, after ten of its own.
  assert.ok(Math.abs(other.told.length / 2000 - 2 / 12) < 0.03, `${other.told.length}`);
  assert.equal(store.actions.filter((action) => action === -1).length, 2 * other.told.length);
});
