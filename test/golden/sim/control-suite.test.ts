import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { taskNamed } from "../../../src/sim/index.ts";
import { JointDriver } from "../../../src/sim/joint-driver.ts";
import { Physics } from "../../../src/sim/physics.ts";

const goldens = new URL("../../../../test/golden/sim/", import.meta.url); // seen from dist/test/golden/sim

interface Golden {
  readonly control_timestep: number;
  readonly body_mass: readonly number[];
  readonly init: { qpos: number[]; qvel: number[]; observation: number[]; target_xy?: number[] };
  readonly steps: readonly {
    action: number[];
    qpos: number[];
    qvel: number[];
    observation: number[];
    reward: number;
  }[];
}

async function open(name: string) {
  const golden = JSON.parse(readFileSync(new URL(`${name}.json`, goldens), "utf8")) as Golden;
  const task = taskNamed(name);
  const physics = await Physics.compile(task.mjcf);
  const rules = task.bind(physics);
  const driver = new JointDriver(physics, task.actuation, task.commandRateHz);
  const place = (qpos: readonly number[], qvel: readonly number[]) => {
    physics.borrow("qpos").set(qpos);
    physics.borrow("qvel").set(qvel);
    if (golden.init.target_xy) physics.borrow("mocap_pos").set(golden.init.target_xy);
  };
  const observe = () => {
    const out = new Float32Array(task.proprioception.length);
    rules.observe?.(out);
    return out;
  };
  return { golden, task, physics, rules, driver, place, observe };
}

function worst(actual: ArrayLike<number>, expected: readonly number[]): number {
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)));
}

for (const name of ["cartpole-swingup", "reacher-easy", "finger-spin", "walker-walk"]) {
  test(`${name}: bodies weigh what the suite's bodies weigh`, async () => {
    const { golden, physics } = await open(name);
    using _ = physics;
    assert.ok(worst(physics.borrowModel("body_mass"), golden.body_mass) < 1e-9);
  });

  test(`${name}: the suite's trajectory of 150 steps to 1e-9, contacts included`, async () => {
    const { golden, task, physics, driver, place } = await open(name);
    using _ = physics;
    assert.equal(1 / task.controlRateHz, golden.control_timestep);
    place(golden.init.qpos, golden.init.qvel);
    physics.forward();
    for (const { action, qpos } of golden.steps) {
      driver.command("effort", action);
      driver.tick();
      const error = worst(physics.borrow("qpos"), qpos);
      assert.ok(error < 1e-9, `${error} at ${physics.timeS} s`);
    }
  });

  test(`${name}: rewards to 1e-9 and observations to float32 from the suite's states`, async () => {
    const { golden, physics, rules, place, observe } = await open(name);
    using _ = physics;
    for (const { action, qpos, qvel, observation, reward } of golden.steps) {
      place(qpos, qvel);
      physics.borrow("ctrl").set(action);
      physics.forward();
      assert.ok(Math.abs(rules.reward() - reward) < 1e-9, `reward ${rules.reward()}, expected ${reward}`);
      // Touch depends on the forces of the step before, which a state alone does not hold.
      const comparable = observation.slice(0, name === "finger-spin" ? -2 : undefined);
      assert.ok(worst(observe(), comparable) < 1e-7 * Math.max(1, ...comparable.map(Math.abs)));
    }
  });
}
