import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Rng } from "../../../src/core/rng.ts";
import type { Policy } from "../../../src/learning/policy.ts";
import { PiecewiseRollout } from "../../../src/learning/run/piecewise-rollout.ts";
import { exploringPolicy, type RolloutResult, rollOut } from "../../../src/learning/run/rollout.ts";
import { DotWorld } from "../../support/dot-world.ts";

const STEPS = 12;

function whole(seed: number): Promise<RolloutResult> {
  const world = new DotWorld(STEPS);
  return rollOut(world, exploringPolicy(world, new Rng(seed)), { start: { kind: "reset", seed } });
}

function inPieces(seed: number): PiecewiseRollout {
  const world = new DotWorld(STEPS);
  const play = (policy: Policy) => rollOut(world, policy, { start: { kind: "reset", seed } });
  return new PiecewiseRollout(exploringPolicy(world, new Rng(seed)), play);
}

test("an episode in pieces is the episode, however it is cut, and rests after each piece", async () => {
  const pieces = fc.array(fc.integer({ min: 1, max: STEPS }), { minLength: STEPS });
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer(), async (cuts, seed) => {
      const episode = inPieces(seed);
      assert.equal(episode.steps, 0);
      let played = 0;
      for (const steps of cuts) {
        const result = await episode.play(steps);
        played += steps;
        assert.equal(episode.steps, Math.min(played, STEPS));
        if (result) {
          assert.ok(played >= STEPS);
          return assert.deepEqual(result, await whole(seed));
        }
        assert.ok(played <= STEPS);
      }
    }),
    { numRuns: 30 },
  );
});

test("an error of the policy reaches whoever plays the piece", async () => {
  const broken: Policy = {
    act() {
      throw new Error("no plan");
    },
  };
  const world = new DotWorld(STEPS);
  const episode = new PiecewiseRollout(broken, (policy) =>
    rollOut(world, policy, { start: { kind: "reset", seed: 1 } }),
  );
  await assert.rejects(episode.play(3), /no plan/);
});
