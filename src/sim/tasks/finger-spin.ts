import type { Physics } from "../physics.ts";
import { motorActionSpace, plainFeatures, type Task, type TaskRules } from "../task.ts";
import { randomHinges, SUITE_ASSETS, SUITE_LIGHT, SUITE_TASK } from "./suite.ts";

/** Fast enough, in rad/s; the finger can only turn the spinner this way. */
const SPIN_VELOCITY = -15;

const mjcf = `
<mujoco model="finger-spin">
  <size memory="1M"/>
  <option timestep="0.01" cone="elliptic" iterations="200"><flag gravity="disable"/></option>
  <default>
    <geom type="capsule" solimp="0 0.9 0.01" solref="0.02 1" material="body"/>
    <joint type="hinge" axis="0 -1 0"/>
    <motor ctrllimited="true" ctrlrange="-1 1"/>
    <default class="finger">
      <joint damping="2.5" limited="true" range="-110 110"/>
      <site type="ellipsoid" size="0.025 0.03 0.025"/>
    </default>
    <default class="ornament"><geom type="cylinder" contype="0" conaffinity="0" material="fixture"/></default>
  </default>
  <asset>${SUITE_ASSETS}</asset>
  <worldbody>
    ${SUITE_LIGHT}
    <camera name="scene" pos="0 -1 0.8" xyaxes="1 0 0 0 1 2" fovy="45"/>
    <geom type="plane" size="0.6 0.2 1" material="ground"/>
    <body pos="-0.2 0 0.4" childclass="finger">
      <joint name="proximal" ref="-90"/>
      <geom fromto="0 0 0 0 0 -0.17" size="0.03"/>
      <geom class="ornament" fromto="0 -0.033 0 0 0.033 0" size="0.034"/>
      <body pos="0 0 -0.18">
        <joint name="distal"/>
        <geom fromto="0 0 0 0 0 -0.16" size="0.028" contype="0" conaffinity="0"/>
        <geom fromto="0 0 -0.13 0 0 -0.161" size="0.03" material="effector"/>
        <site name="touch_top" pos="0.01 0 -0.17"/>
        <site name="touch_bottom" pos="-0.01 0 -0.17"/>
      </body>
    </body>
    <body name="spinner" pos="0.2 0 0.4">
      <joint name="hinge" frictionloss="0.1" damping="0.03"/>
      <geom size="0.04 0.09" pos="0.02 0 0"/>
      <geom size="0.04 0.09" pos="-0.02 0 0"/>
      <geom class="ornament" fromto="0 -0.045 0 0 0.045 0" size="0.02"/>
      <geom class="ornament" type="sphere" size="0.02" pos="0 0 0.13" mass="0" material="target"/>
      <site name="tip" pos="0 0 0.13"/>
    </body>
  </worldbody>
  <actuator>
    <motor name="proximal" joint="proximal" gear="30"/>
    <motor name="distal" joint="distal" gear="15"/>
  </actuator>
  <sensor><touch name="touch_top" site="touch_top"/><touch name="touch_bottom" site="touch_bottom"/></sensor>
</mujoco>`;

/** A finger of two joints is to keep a free spinner spinning. */
export const fingerSpin: Task = {
  ...SUITE_TASK,
  name: "finger-spin",
  summary: "control suite: spin a free body with a two-joint finger",
  mjcf,
  controlRateHz: 50,
  commandRateHz: 50,
  actionSpace: motorActionSpace(["proximal", "distal"]),
  actuation: { kind: "effort", actuators: ["proximal", "distal"] },
  proprioception: plainFeatures([
    "proximal_position",
    "distal_position",
    "tip_x",
    "tip_z",
    "proximal_velocity",
    "distal_velocity",
    "hinge_velocity",
    "touch_top",
    "touch_bottom",
  ]),
  bind,
};

function bind(physics: Physics): TaskRules {
  const spinner = 3 * physics.id("body", "spinner");
  const tip = 3 * physics.id("site", "tip");
  const spins = () => physics.borrow("qvel")[2]! <= SPIN_VELOCITY;
  return {
    start(rng) {
      for (let attempt = 0; attempt < 1000; attempt++) {
        randomHinges(physics, rng, ["proximal", "distal", "hinge"], [true, true, false]);
        physics.forward();
        if (physics.contactCount === 0) return;
      }
    },
    reward: () => (spins() ? 1 : 0),
    success: spins,
    observe(out) {
      const [proximal = 0, distal = 0] = physics.borrow("qpos");
      const sites = physics.borrow("site_xpos");
      const bodies = physics.borrow("xpos");
      out.set([proximal, distal, sites[tip]! - bodies[spinner]!, sites[tip + 2]! - bodies[spinner + 2]!]);
      out.set(physics.borrow("qvel"), 4);
      const [top = 0, bottom = 0] = physics.borrow("sensordata");
      out.set([Math.log1p(top), Math.log1p(bottom)], 7);
    },
  };
}
