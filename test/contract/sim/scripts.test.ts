import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeAction } from "../../../src/core/action.ts";
import { createEnvironment, TASKS } from "../../../src/sim/index.ts";

const EPISODES = 10;
/** Some cubes start where the arm cannot get behind them. */
const MIN_SUCCESSES = 9;

for (const { name, actuation } of TASKS) {
  if (actuation.kind === "effort") continue;
  test(`${name}: its script does the task in ${MIN_SUCCESSES} of ${EPISODES} episodes or more`, async () => {
    using environment = await createEnvironment(name);
    const velocities = new Float64Array(environment.actionSpace.dimensions.length);
    const action = new Float32Array(velocities.length);
    let successes = 0;
    for (let seed = 0; seed < EPISODES; seed++) {
      environment.reset(seed);
      for (let isLast = false; !isLast; ) {
        environment.scriptInto(velocities);
        normalizeAction(environment.actionSpace, Float32Array.from(velocities), action);
        const step = environment.step(action);
        isLast = step.isLast;
        if (isLast && step.success) successes++;
      }
    }
    assert.ok(successes >= MIN_SUCCESSES, `${successes} of ${EPISODES}`);
  });
}
