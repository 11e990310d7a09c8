import assert from "node:assert/strict";
import { test } from "node:test";
import type { JointLimits, RobotModel } from "../../../src/core/robot.ts";
import { readBundle } from "../../../src/inference/read-bundle.ts";
import { countLimiterHits } from "../../../src/nodes/limiter-hits.ts";
import { noiseEpisodes } from "../../support/candidates.ts";
import { writeSampleBundle } from "../../support/sample-bundle.ts";

const FREE: JointLimits = { lower: -100, upper: 100, velocity: 100, acceleration: 1e5 };

function robotWith(names: readonly string[], limits: Partial<JointLimits>): RobotModel {
  return {
    name: "test",
    commandInterface: "velocity",
    joints: names.map((name) => ({ name, limits: { ...FREE, ...limits } })),
  };
}

test("a robot with room enough limits no command; each limit that is too narrow is counted under its name", async (t) => {
  const bundle = await readBundle(await writeSampleBundle(t));
  const names = bundle.manifest.action.dimensions.map(({ name }) => name);
  const count = (limits: Partial<JointLimits>) =>
    countLimiterHits(bundle, noiseEpisodes(), {
      robot: robotWith(names, limits),
      commandRateHz: 100,
      blendMs: 20,
      plans: 8,
    });
  const free = await count({});
  assert.ok(free.commands >= 80, `${free.commands}`);
  assert.deepEqual(free.by, { position: 0, velocity: 0, acceleration: 0 });
  assert.equal(free.limited, 0);
  const slow = await count({ velocity: 1e-4 });
  assert.ok(slow.by.velocity! > 0.9 && slow.limited > 0.9, JSON.stringify(slow));
  const lazy = await count({ acceleration: 0.01, velocity: 10 });
  assert.ok(lazy.by.acceleration! > 0.5 && lazy.by.velocity === 0, JSON.stringify(lazy));
  const walled = await count({ lower: -1e-3, upper: 1e-3 });
  assert.ok(walled.by.position! > 0.1, JSON.stringify(walled));
});

test("a robot whose joints the actions do not name is refused", async (t) => {
  const bundle = await readBundle(await writeSampleBundle(t));
  const options = { robot: robotWith(["other"], {}), commandRateHz: 100, blendMs: 20, plans: 8 };
  await assert.rejects(countLimiterHits(bundle, noiseEpisodes(), options), { code: "ERR_ACTION_MISMATCH" });
});
