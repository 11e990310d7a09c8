import assert from "node:assert/strict";
import { test } from "node:test";
import { Physics } from "../../../src/sim/physics.ts";

const slider = (memory = "64K") => `
<mujoco>
  <size memory="${memory}"/><option timestep="0.01"/>
  <worldbody>
    <body name="cart"><joint name="slide" type="slide" axis="1 0 0"/><geom name="box" size="0.1"/></body>
    <body name="mark" mocap="true"/>
  </worldbody>
  <actuator><motor name="push" joint="slide"/></actuator>
</mujoco>`;

test("a borrowed view is never dead, even after the heap has moved", async () => {
  using physics = await Physics.compile(slider());
  physics.borrow("qpos")[0] = 0.25;
  const stale = physics.borrow("qpos");
  const others: Physics[] = [];
  while (stale.length > 0 && others.length < 400) others.push(await Physics.compile(slider("8M")));
  for (const other of others) other.close();
  assert.equal(stale.length, 0, "the heap did not move: this test has lost its force");
  assert.equal(physics.borrow("qpos")[0], 0.25);
  assert.equal(physics.borrowModel("jnt_qposadr")[0], 0);
  physics.step(1);
});

test("closing gives all memory back", async () => {
  const heapBytes = async () => {
    using physics = await Physics.compile(slider("4M"));
    return physics.borrow("qpos").buffer.byteLength;
  };
  await heapBytes();
  const before = await heapBytes();
  for (let i = 0; i < 300; i++) {
    using physics = await Physics.compile(slider("4M"));
    physics.step(2);
    physics.restoreState(physics.saveState());
    physics.countWarnings();
  }
  assert.equal(await heapBytes(), before);
});

test("closing twice is closing once", async () => {
  const physics = await Physics.compile(slider());
  physics.close();
  physics.close();
});

test("a state that is no number is an error, not a silent new start", async () => {
  for (const field of ["qpos", "qvel", "ctrl"] as const) {
    using physics = await Physics.compile(slider());
    physics.step(3);
    physics.borrow(field)[0] = Number.NaN;
    if (field === "ctrl") {
      physics.step(1); // MuJoCo drops such a control, and counts a warning
      assert.ok(physics.countWarnings() > 0);
    } else assert.throws(() => physics.step(1), { code: "ERR_PHYSICS_UNSTABLE", message: /is NaN/ });
  }
});

test("a world that does not compile names what is wrong with it", async () => {
  const broken = slider().replace('joint="slide"/>', 'joint="sled"/>');
  await assert.rejects(Physics.compile(broken), { code: "ERR_SIM_MODEL", message: /sled/ });
  using physics = await Physics.compile(slider());
  assert.throws(() => physics.id("body", "nothing"), { code: "ERR_SIM_MODEL", message: /a body named "nothing"/ });
});

test("a restored state continues bit for bit", async () => {
  using physics = await Physics.compile(slider());
  physics.borrow("ctrl")[0] = 0.3;
  physics.borrow("mocap_pos").set([1, 2, 3]);
  physics.step(7);
  const state = physics.saveState();
  physics.step(11);
  const end = physics.saveState();
  physics.reset();
  physics.restoreState(state);
  physics.step(11);
  assert.deepEqual(physics.saveState(), end);
  assert.throws(() => physics.restoreState(state.subarray(1)), { code: "ERR_SHAPE_MISMATCH" });
});

test("recomputing constants keeps the state", async () => {
  using physics = await Physics.compile(slider());
  physics.borrow("qpos")[0] = 0.4;
  physics.step(1);
  const before = physics.saveState();
  physics.borrowModel("body_mass")[1]! *= 2;
  physics.recomputeConstants();
  assert.deepEqual(physics.saveState(), before);
});
