import type { Physics } from "../physics.ts";
import { motorActionSpace, plainFeatures, type Task, type TaskRules } from "../task.ts";
import { SUITE_ASSETS, SUITE_LIGHT, SUITE_TASK } from "./suite.ts";
import { gaussianTolerance, quadraticTolerance } from "./tolerance.ts";

const mjcf = `
<mujoco model="cartpole-swingup">
  <size memory="512K"/>
  <option timestep="0.01" integrator="RK4"><flag contact="disable"/></option>
  <asset>${SUITE_ASSETS}</asset>
  <worldbody>
    ${SUITE_LIGHT}
    <camera name="scene" pos="0 -4 1" xyaxes="1 0 0 0 0 1" fovy="45"/>
    <geom type="plane" size="4 4 1" material="ground"/>
    <geom type="capsule" fromto="-2 0.07 1 2 0.07 1" size="0.02" material="fixture"/>
    <geom type="capsule" fromto="-2 -0.07 1 2 -0.07 1" size="0.02" material="fixture"/>
    <body pos="0 0 1">
      <joint name="slider" type="slide" axis="1 0 0" limited="true" range="-1.8 1.8" solreflimit="0.08 1" damping="5e-4"/>
      <geom type="box" size="0.2 0.15 0.1" mass="1" material="body"/>
      <body name="pole">
        <joint name="hinge" type="hinge" axis="0 1 0" damping="2e-6"/>
        <geom type="capsule" fromto="0 0 0 0 0 1" size="0.045" mass="0.1" material="effector"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor name="slide" joint="slider" gear="10" ctrllimited="true" ctrlrange="-1 1"/></actuator>
</mujoco>`;

/** Swing a hanging pole up by moving the cart it hangs on. */
export const cartpoleSwingup: Task = {
  ...SUITE_TASK,
  name: "cartpole-swingup",
  summary: "control suite: swing the pole up and balance it",
  mjcf,
  controlRateHz: 100,
  commandRateHz: 100,
  actionSpace: motorActionSpace(["slide"]),
  actuation: { kind: "effort", actuators: ["slide"] },
  proprioception: plainFeatures(["cart_position", "pole_cos", "pole_sin", "cart_velocity", "pole_velocity"]),
  bind,
};

function bind(physics: Physics): TaskRules {
  const reward = () => {
    const [cart = 0, pole = 0] = physics.borrow("qpos");
    const upright = (Math.cos(pole) + 1) / 2;
    const effort = (4 + quadraticTolerance(physics.borrow("ctrl")[0]!, 0, 0, 1)) / 5;
    const calm = (1 + gaussianTolerance(physics.borrow("qvel")[1]!, 0, 0, 5)) / 2;
    const centered = (1 + gaussianTolerance(cart, 0, 0, 2)) / 2;
    return upright * effort * calm * centered;
  };
  return {
    start(rng) {
      physics.borrow("qpos").set([0.01 * rng.normal(), Math.PI + 0.01 * rng.normal()]);
      physics.borrow("qvel").set([0.01 * rng.normal(), 0.01 * rng.normal()]);
    },
    reward,
    success: () => reward() > 0.8,
    observe(out) {
      const [cart = 0, pole = 0] = physics.borrow("qpos");
      out.set([cart, Math.cos(pole), Math.sin(pole)]);
      out.set(physics.borrow("qvel"), 3);
    },
  };
}
