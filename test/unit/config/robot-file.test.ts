import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../../../src/config/package-root.ts";
import { parseStrict } from "../../../src/config/parse-strict.ts";
import { readRobot, robotSchema } from "../../../src/config/robot-file.ts";
import { TASKS } from "../../../src/sim/index.ts";

test("the calibration files of the simulated robots say what the simulator says", async () => {
  const robots = TASKS.flatMap(({ actuation }) => (actuation.kind === "effort" ? [] : [actuation.robot]));
  assert.ok(robots.length > 0);
  for (const robot of robots) {
    assert.deepEqual(await readRobot(join(root, "calibration", "robots", `${robot.name}.yaml`)), robot);
  }
});

test("a robot's mistakes are named: unknown key, crossed limits, joint given twice", () => {
  const joint = (changes: object) => ({
    name: "j",
    limits: { lower: -1, upper: 1, velocity: 1, acceleration: 1, ...changes },
  });
  const parse = (...joints: object[]) =>
    parseStrict(robotSchema, { name: "r", commandInterface: "position", joints }, "robot.yaml");
  assert.throws(
    () => parse(joint({ uper: 2 })),
    /Unknown key 'joints\[0\]\.limits\.uper'.*nearest known key is 'upper'/,
  );
  assert.throws(() => parse(joint({ lower: 2 })), /Expected a number above 'lower'/);
  assert.throws(() => parse(joint({}), joint({})), /every joint only once/);
});
