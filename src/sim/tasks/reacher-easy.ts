import type { Rng } from "../../core/rng.ts";
import type { Physics } from "../physics.ts";
import { motorActionSpace, type Task, type TaskRules } from "../task.ts";
import { randomHinges, SUITE_ASSETS, SUITE_LIGHT, SUITE_TASK } from "./suite.ts";

const TARGET_RADIUS_M = 0.05;
const FINGER_RADIUS_M = 0.01;
/** Of the target from the arm's base, at most. */
const TARGET_REACH_M = 0.2;
/** Of the joints, in radians per second, as an arm that hurries has it. */
const USUAL_SPEED = 5;

const mjcf = `
<mujoco model="reacher-easy">
  <size memory="512K"/>
  <option timestep="0.02"><flag contact="disable"/></option>
  <default>
    <joint type="hinge" axis="0 0 1" damping="0.01"/>
    <geom type="capsule" size="0.01" material="body"/>
    <motor gear="0.05" ctrllimited="true" ctrlrange="-1 1"/>
  </default>
  <asset>${SUITE_ASSETS}</asset>
  <worldbody>
    ${SUITE_LIGHT}
    <camera name="scene" pos="0 0 0.75" fovy="45"/>
    <geom type="plane" size="0.5 0.5 1" material="ground"/>
    <geom type="cylinder" fromto="0 0 0 0 0 0.02" size="0.011" material="fixture"/>
    <body pos="0 0 0.01">
      <joint name="shoulder"/>
      <geom fromto="0 0 0 0.12 0 0"/>
      <body pos="0.12 0 0">
        <joint name="wrist" limited="true" range="-160 160"/>
        <geom fromto="0 0 0 0.1 0 0"/>
        <body name="finger" pos="0.12 0 0"><geom type="sphere" size="${FINGER_RADIUS_M}" material="effector"/></body>
      </body>
    </body>
    <body name="target" mocap="true" pos="0.1 0.1 0.01">
      <geom type="sphere" size="${TARGET_RADIUS_M}" material="target"/>
    </body>
  </worldbody>
  <actuator><motor name="shoulder" joint="shoulder"/><motor name="wrist" joint="wrist"/></actuator>
</mujoco>`;

/** A planar arm of two joints is to keep its fingertip in a large target. */
export const reacherEasy: Task = {
  ...SUITE_TASK,
  name: "reacher-easy",
  summary: "control suite: keep the fingertip of a planar arm in a large target",
  mjcf,
  controlRateHz: 50,
  commandRateHz: 50,
  actionSpace: motorActionSpace(["shoulder", "wrist"]),
  actuation: { kind: "effort", actuators: ["shoulder", "wrist"] },
  proprioception: [
    { name: "shoulder_position", offset: 0, scale: Math.PI },
    { name: "wrist_position", offset: 0, scale: Math.PI },
    { name: "to_target_x", offset: 0, scale: TARGET_REACH_M },
    { name: "to_target_y", offset: 0, scale: TARGET_REACH_M },
    { name: "shoulder_velocity", offset: 0, scale: USUAL_SPEED },
    { name: "wrist_velocity", offset: 0, scale: USUAL_SPEED },
  ],
  bind,
};

function bind(physics: Physics): TaskRules {
  const finger = 3 * physics.id("body", "finger");
  const toTarget = (axis: number) => physics.borrow("mocap_pos")[axis]! - physics.borrow("xpos")[finger + axis]!;
  const touches = () => Math.hypot(toTarget(0), toTarget(1)) <= TARGET_RADIUS_M + FINGER_RADIUS_M;
  const retarget = (rng: Rng) => {
    const angle = rng.uniform(0, 2 * Math.PI);
    const radius = rng.uniform(TARGET_RADIUS_M, TARGET_REACH_M);
    physics.borrow("mocap_pos").set([radius * Math.sin(angle), radius * Math.cos(angle), 0.01]);
  };
  return {
    start(rng) {
      randomHinges(physics, rng, ["shoulder", "wrist"], [false, true]);
      retarget(rng);
    },
    retarget,
    reward: () => (touches() ? 1 : 0),
    success: touches,
    observe(out) {
      out.set(physics.borrow("qpos"));
      out.set([toTarget(0), toTarget(1)], 2);
      out.set(physics.borrow("qvel"), 4);
    },
  };
}
