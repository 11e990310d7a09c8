import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type FollowedPlan, PlanFollower } from "../../../../src/nodes/control/plan-follower.ts";

const STEP_NS = 100e6;

function plan(
  steps: readonly (readonly number[])[],
  startNs: number,
  changes: Partial<FollowedPlan> = {},
): FollowedPlan {
  return {
    actions: Float32Array.from(steps.flat()),
    horizon: steps.length,
    actionDimension: steps[0]!.length,
    startNs,
    stepPeriodNs: STEP_NS,
    observationArrivalNs: startNs,
    surprise: 0,
    ...changes,
  };
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);
}

test("an action stands in the middle of its step and moves linearly to the next", () => {
  const follower = new PlanFollower(1, 8, STEP_NS);
  assert.ok(follower.adopt(plan([[0], [0.5], [-0.5]], 0), 0));
  for (const [steps, expected] of [
    [0, 0],
    [0.5, 0],
    [1, 0.25],
    [1.5, 0.5],
    [2, 0],
    [2.5, -0.5],
    [9, -0.5],
  ] as const) {
    follower.sample(steps * STEP_NS);
    near(follower.action[0]!, expected);
  }
});

test("without a plan there is nothing to sample", () => {
  assert.equal(new PlanFollower(1, 8, STEP_NS).sample(0), false);
});

test("a new plan takes over without a jump and rules alone after the blend", () => {
  const follower = new PlanFollower(1, 8, 50e6);
  follower.adopt(plan([[0.8], [0.8], [0.8]], 0), 0);
  follower.sample(100e6);
  follower.adopt(plan([[-0.8], [-0.8], [-0.8]], 100e6), 110e6);
  follower.sample(110e6);
  near(follower.action[0]!, 0.8);
  follower.sample(135e6);
  near(follower.action[0]!, 0);
  follower.sample(160e6);
  near(follower.action[0]!, -0.8);
});

test("whatever plans follow each other, the action never moves faster than interpolation and blend allow, nor leaves [-1, 1]", () => {
  const value = fc.double({ min: -1, max: 1, noNaN: true });
  const arrivals = fc.array(
    fc.record({ steps: fc.array(value, { minLength: 1, maxLength: 4 }), afterMs: fc.integer({ min: 0, max: 150 }) }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(arrivals, (plans) => {
      const follower = new PlanFollower(1, 8, 50e6);
      let nowNs = 0;
      let before = Number.NaN;
      for (const { steps, afterMs } of plans) {
        follower.adopt(
          plan(
            steps.map((s) => [s]),
            nowNs,
          ),
          nowNs,
        );
        for (const untilNs = nowNs + afterMs * 1e6; nowNs <= untilNs; nowNs += 1e6) {
          follower.sample(nowNs);
          // Per ms: at most 2/100 by interpolation, and 1.5 · 2/50 at the steepest point of the blend.
          if (!Number.isNaN(before)) assert.ok(Math.abs(follower.action[0]! - before) <= 0.02 + 0.06 + 1e-6);
          before = follower.action[0]!;
          assert.ok(Math.abs(before) <= 1);
        }
      }
    }),
    { seed: 5 },
  );
});

test("a plan that cannot be followed is refused and the one before stays", () => {
  const nowNs = 10 * STEP_NS;
  const good = plan([[0.5], [0.5]], nowNs);
  const refused: Record<string, FollowedPlan> = {
    "a NaN": plan([[0.1], [Number.NaN]], nowNs),
    "an infinity": plan([[Infinity], [0]], nowNs),
    "another number of actions": plan([[0.1, 0.2]], nowNs),
    "no step": plan([[0.1]], nowNs, { horizon: 0 }),
    "more steps than there is room for": plan(Array(9).fill([0.1]), nowNs),
    "a horizon that is no number": plan([[0.1]], nowNs, { horizon: Number.NaN }),
    "a step period of 0": plan([[0.1]], nowNs, { stepPeriodNs: 0 }),
    "a start that is no number": plan([[0.1]], Number.NaN),
    "an end in the past": plan([[0.1]], nowNs - STEP_NS),
    "a start far in the future": plan([[0.1]], nowNs + 5 * STEP_NS),
    "a start before the plan being followed": plan([[0.1], [0.1], [0.1]], nowNs - 1),
  };
  for (const [what, bad] of Object.entries(refused)) {
    const follower = new PlanFollower(1, 8, STEP_NS);
    assert.ok(follower.adopt(good, nowNs));
    assert.equal(follower.adopt(bad, nowNs), false, what);
    follower.sample(nowNs);
    assert.equal(follower.action[0], 0.5, what);
  }
});

test("actions outside [-1, 1] are clamped", () => {
  const follower = new PlanFollower(2, 8, STEP_NS);
  follower.adopt(plan([[3, -3]], 0), 0);
  follower.sample(0);
  assert.deepEqual([...follower.action], [1, -1]);
});

test("a plan that continues the one before is followed as it is, and what still fades goes on fading", () => {
  const follower = new PlanFollower(1, 4, 50e6);
  follower.adopt(plan([[0]], 0), 0);
  follower.sample(0);
  follower.adopt(plan([[1]], 1e6), 1e6); // a jump: fades
  follower.sample(1e6);
  assert.equal(follower.action[0], 0);
  follower.adopt(plan([[1]], 21e6), 21e6, true);
  follower.sample(21e6);
  const halfway = follower.action[0]!;
  assert.ok(halfway > 0.2 && halfway < 0.6, `${halfway}`);
  follower.sample(51e6);
  assert.equal(follower.action[0], 1, "50 ms after the jump, not after the last plan");
  follower.adopt(plan([[0.9]], 61e6), 61e6, true);
  follower.sample(61e6);
  assert.ok(Math.abs(follower.action[0]! - 0.9) < 1e-6);
});
