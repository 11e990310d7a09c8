import assert from "node:assert/strict";
import { test } from "node:test";
import type { SimulatedEnvironment } from "../../../src/sim/environment.ts";
import { createEnvironment } from "../../../src/sim/index.ts";

function positions(environment: SimulatedEnvironment): Float64Array {
  const out = new Float64Array(environment.robot!.joints.length);
  environment.jointsInto(out, new Float64Array(out.length));
  return out;
}

test("a position robot goes to the commanded positions and holds them", async () => {
  using arm = await createEnvironment("arm-reach", { seed: 2 });
  const goal = [0.3, 0.2, 0.8, 0.5, -0.4];
  arm.applyCommand("position", goal);
  arm.advance(2);
  positions(arm).forEach((position, i) => {
    assert.ok(Math.abs(position - goal[i]!) < 0.05, `joint ${i}: ${position}`);
  });
  arm.applyCommand("hold", []);
  const held = positions(arm);
  arm.advance(1);
  positions(arm).forEach((position, i) => {
    assert.ok(Math.abs(position - held[i]!) < 1e-3);
  });
});

test("a position robot told a velocity moves at it, and stops with a velocity of 0", async () => {
  using arm = await createEnvironment("arm-reach", { seed: 2 });
  arm.applyCommand("position", [-0.5, 0, 1, 0.4, 0]);
  arm.advance(2);
  const [before = 0] = positions(arm);
  arm.applyCommand("velocity", [0.5, 0, 0, 0, 0]);
  arm.advance(1);
  const [after = 0] = positions(arm);
  assert.ok(Math.abs(after - before - 0.5) < 0.06, `moved by ${after - before}`);
  arm.applyCommand("velocity", [0, 0, 0, 0, 0]);
  arm.advance(0.5);
  const [stopped = 0] = positions(arm);
  arm.advance(0.5);
  assert.ok(Math.abs(positions(arm)[0]! - stopped) < 1e-3);
});

test("no command takes a joint out of its working range", async () => {
  using arm = await createEnvironment("arm-reach", { seed: 2 });
  const { limits } = arm.robot!.joints[0]!;
  arm.applyCommand("position", [100, 0, 1, 0.4, 0]);
  arm.advance(3);
  assert.ok(positions(arm)[0]! <= limits.upper + 0.02);
  arm.applyCommand("velocity", [-100, 0, 0, 0, 0]);
  arm.advance(3);
  assert.ok(positions(arm)[0]! >= limits.lower - 0.02);
});

test("a target summed up from velocities stays near a blocked joint, so that the way back begins at once", async () => {
  using arm = await createEnvironment("arm-reach", { seed: 2 });
  arm.applyCommand("position", [0, 1, 1.2, 0.4, 0]); // above the table, leaning forwards
  arm.advance(2);
  arm.applyCommand("velocity", [0, 1.5, 0, 0, 0]); // down onto the table
  arm.advance(2);
  const pressed = positions(arm)[1]!;
  arm.applyCommand("velocity", [0, -1.5, 0, 0, 0]);
  arm.advance(0.3);
  assert.ok(positions(arm)[1]! < pressed - 0.1, `${pressed} → ${positions(arm)[1]}`);
});

test("a delay of one step is the undelayed episode with one step of rest before it", async () => {
  for (const task of ["reach", "arm-reach", "cartpole-swingup"]) {
    using delayed = await createEnvironment(task, { seed: 3, shift: { delaySteps: 1 } });
    using plain = await createEnvironment(task, { seed: 3 });
    const dimension = plain.actionSpace.dimensions.length;
    const actions = [0, 1, 2, 3].map((k) => Float32Array.from({ length: dimension }, (_, i) => Math.sin(3 * k + i)));
    plain.step(new Float32Array(dimension));
    for (const action of actions) plain.step(action);
    for (const action of [...actions, new Float32Array(dimension)]) delayed.step(action);
    assert.deepEqual(delayed.saveState().physics, plain.saveState().physics, task);
  }
});

test("commands of the wrong kind, length or value are refused and change nothing", async () => {
  using reach = await createEnvironment("reach", { seed: 3 });
  const before = reach.saveState();
  assert.throws(() => reach.applyCommand("position", [0, 0]), {
    code: "ERR_INVALID_ARGUMENT",
    message: /hold or velocity but received position/,
  });
  assert.throws(() => reach.applyCommand("velocity", [0]), { code: "ERR_SHAPE_MISMATCH" });
  assert.throws(() => reach.applyCommand("velocity", [0, Number.NaN]), {
    code: "ERR_INVALID_ARGUMENT",
    message: /NaN for wrist/,
  });
  assert.throws(() => reach.step(Float32Array.of(0, Number.POSITIVE_INFINITY - Number.POSITIVE_INFINITY)), {
    code: "ERR_INVALID_ARGUMENT",
  });
  assert.throws(() => reach.advance(0.005), { code: "ERR_INVALID_ARGUMENT", message: /whole command periods/ });
  assert.deepEqual(reach.saveState().driver, before.driver);
});
