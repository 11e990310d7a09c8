import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../../../src/core/rng.ts";
import { JointDriver } from "../../../../src/sim/joint-driver.ts";
import { Physics } from "../../../../src/sim/physics.ts";
import { BASE_X_M, closeGripper, TABLE_M } from "../../../../src/sim/tasks/arm.ts";
import { armPush } from "../../../../src/sim/tasks/arm-push.ts";

const [UPPER_M, FOREARM_M, HAND_M, SHOULDER_M] = [0.18, 0.15, 0.135, TABLE_M + 0.12];

/** Joint angles that put the grip, pointing straight down, at a radius from the base and a height. */
function pose(turn: number, radius: number, height: number): number[] {
  const up = height + HAND_M - SHOULDER_M;
  const reach = Math.hypot(radius, up);
  const elbow = Math.acos((reach ** 2 - UPPER_M ** 2 - FOREARM_M ** 2) / (2 * UPPER_M * FOREARM_M));
  const shoulder = Math.atan2(radius, up) - Math.asin((FOREARM_M * Math.sin(elbow)) / reach);
  return [turn, shoulder, elbow, Math.PI - shoulder - elbow, 0];
}

test("a sweep of the closed gripper pushes the cube along, and the reward follows the cube to the goal", async () => {
  using physics = await Physics.compile(armPush.mjcf);
  const rules = armPush.bind(physics);
  const driver = new JointDriver(physics, armPush.actuation, armPush.commandRateHz);
  const cube = 3 * physics.id("body", "cube");
  const cubeAddress = physics.borrowModel("jnt_qposadr")[physics.id("joint", "cube")]!;
  const radius = 0.28;
  pose(-0.4, radius, TABLE_M + 0.03).forEach((angle, i) => {
    physics.borrow("qpos")[physics.borrowModel("jnt_qposadr")[physics.id("joint", `j${i + 1}`)]!] = angle;
  });
  closeGripper(physics);
  physics.borrow("qpos").set([BASE_X_M + radius, 0, TABLE_M + 0.02, 1, 0, 0, 0], cubeAddress);
  const goal = [BASE_X_M + radius * Math.cos(0.4), radius * Math.sin(0.4), TABLE_M + 0.001];
  physics.borrow("mocap_pos").set(goal);
  driver.reset();
  physics.forward();
  const grip = physics.borrow("site_xpos").subarray(3 * physics.id("site", "grip"));
  assert.ok(Math.abs(grip[2]! - TABLE_M - 0.03) < 1e-3, "the pose is what it is meant to be");

  const before = rules.reward();
  let success = false;
  for (let tick = 0; tick < 200 && !success; tick++) {
    driver.command("position", pose(-0.4 + 0.006 * tick, radius, TABLE_M + 0.03));
    driver.tick();
    physics.refresh();
    success = rules.success();
  }
  assert.ok(physics.borrow("xpos")[cube + 1]! > 0.05, "the cube has moved sideways");
  assert.ok(rules.reward() > before + 0.5);
  assert.ok(success, `the cube is ${-rules.reward() / 10} m from the goal`);
});

test("a push from outside lets the cube slide 4 to 12 cm over the table, and half a second later it lies still", async () => {
  using physics = await Physics.compile(armPush.mjcf);
  const rules = armPush.bind(physics);
  const driver = new JointDriver(physics, armPush.actuation, armPush.commandRateHz);
  const cube = 3 * physics.id("body", "cube");
  const placeOfCube = () => [...physics.borrow("xpos").subarray(cube, cube + 3)] as [number, number, number];
  const pass = (ticks: number) => {
    for (let tick = 0; tick < ticks; tick++) driver.tick();
    physics.refresh();
  };
  for (let seed = 0; seed < 12; seed++) {
    physics.reset();
    rules.start(new Rng(seed));
    driver.reset();
    physics.forward();
    pass(10);
    const before = placeOfCube();
    rules.pushObject!(new Rng(seed + 100));
    pass(50);
    const after = placeOfCube();
    const slid = Math.hypot(after[0] - before[0], after[1] - before[1]);
    assert.ok(slid > 0.04 && slid < 0.125, `seed ${seed}: ${slid} m`);
    assert.ok(Math.abs(after[2] - before[2]) < 2e-3, "on the table");
    pass(20);
    const later = placeOfCube();
    assert.ok(Math.hypot(later[0] - after[0], later[1] - after[1]) < 1e-3, "at rest");
  }
});
