import type { Rng } from "../../core/rng.ts";
import type { RobotModel } from "../../core/robot.ts";
import type { Physics } from "../physics.ts";
import { PointServo } from "../point-servo.ts";
import type { Task, TaskRules } from "../task.ts";

/** Reward per metre from the target. */
const REWARD_PER_M = -10;
/** Fingertip and target touch: the sum of their radii. */
const TOUCH_M = 0.03;
const MAX_SPEED = 2.5;
/** Of the finger, when the script moves it. Units: m/s */
const SCRIPT_SPEED = 0.4;
const [NEAREST_M, FURTHEST_M] = [0.06, 0.22];

const mjcf = `
<mujoco model="reach">
  <size memory="512K"/>
  <option timestep="0.01" integrator="implicitfast"><flag contact="disable"/></option>
  <default>
    <joint type="hinge" axis="0 0 1" damping="0.01" armature="0.005"/>
    <geom type="capsule" size="0.01" material="arm"/>
    <velocity kv="0.1"/>
  </default>
  <asset>
    <material name="ground" rgba="0.3 0.4 0.5 1"/>
    <material name="arm" rgba="0.7 0.7 0.2 1"/>
    <material name="root" rgba="0.7 0.4 0.1 1"/>
    <material name="finger" rgba="0.8 0.2 0.2 1"/>
    <material name="target" rgba="0.2 0.8 0.2 1"/>
  </asset>
  <worldbody>
    <light dir="0 0 -1" diffuse="0.65 0.65 0.65" ambient="0.35 0.35 0.35"/>
    <camera name="scene" pos="0 0 0.75" fovy="40"/>
    <geom type="plane" size="0.6 0.6 1" material="ground"/>
    <geom type="cylinder" fromto="0 0 0 0 0 0.02" size="0.011" material="root"/>
    <body pos="0 0 0.01">
      <joint name="shoulder"/>
      <geom fromto="0 0 0 0.12 0 0"/>
      <body pos="0.12 0 0">
        <joint name="wrist" limited="true" range="-160 160"/>
        <geom fromto="0 0 0 0.1 0 0"/>
        <body name="finger" pos="0.12 0 0"><geom type="sphere" material="finger"/></body>
      </body>
    </body>
    <body name="target" mocap="true" pos="0.1 0.1 0.01"><geom type="sphere" size="0.02" material="target"/></body>
  </worldbody>
  <actuator><velocity name="shoulder" joint="shoulder"/><velocity name="wrist" joint="wrist"/></actuator>
</mujoco>`;

const WRIST_LIMIT = (160 * Math.PI) / 180;
const robot: RobotModel = {
  name: "planar-reacher",
  commandInterface: "velocity",
  joints: [
    {
      name: "shoulder",
      limits: { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY, velocity: 2.5, acceleration: 50 },
    },
    { name: "wrist", limits: { lower: -WRIST_LIMIT, upper: WRIST_LIMIT, velocity: 2.5, acceleration: 50 } },
  ],
};

/** A planar arm of two joints, seen from above, whose fingertip is to touch a ball. */
export const reach: Task = {
  name: "reach",
  summary: "two-joint planar arm: bring the fingertip to the ball",
  mjcf,
  cameras: [{ name: "scene", width: 64, height: 64 }],
  shadows: false, // the light stands right above
  controlRateHz: 10,
  commandRateHz: 100,
  episodeSteps: 50,
  actionSpace: {
    dimensions: robot.joints.map(({ name }) => ({ name, unit: "rad/s", low: -MAX_SPEED, high: MAX_SPEED })),
  },
  actuation: { kind: "velocity", actuators: ["shoulder", "wrist"], robot },
  proprioception: [
    { name: "shoulder.cos", offset: 0, scale: 1 },
    { name: "shoulder.sin", offset: 0, scale: 1 },
    { name: "wrist.cos", offset: 0, scale: 1 },
    { name: "wrist.sin", offset: 0, scale: 1 },
    { name: "shoulder.velocity", offset: 0, scale: MAX_SPEED },
    { name: "wrist.velocity", offset: 0, scale: MAX_SPEED },
    { name: "shoulder.last", offset: 0, scale: 1 },
    { name: "wrist.last", offset: 0, scale: 1 },
  ],
  rewardRange: [REWARD_PER_M * (0.24 + FURTHEST_M), 0],
  rewardPerM: REWARD_PER_M,
  bind,
};

function bind(physics: Physics): TaskRules {
  const finger = 3 * physics.id("body", "finger");
  const distance = () => {
    const position = physics.borrow("xpos");
    const target = physics.borrow("mocap_pos");
    return Math.hypot(position[finger]! - target[0]!, position[finger + 1]! - target[1]!);
  };
  const servo = new PointServo(physics, robot, [0, 1]);
  const retarget = (rng: Rng) => {
    const radius = Math.sqrt(rng.uniform(NEAREST_M ** 2, FURTHEST_M ** 2)); // uniform over the ring's area
    const angle = rng.uniform(0, 2 * Math.PI);
    physics.borrow("mocap_pos").set([radius * Math.cos(angle), radius * Math.sin(angle), 0.01]);
  };
  return {
    start(rng) {
      physics.borrow("qpos").set([rng.uniform(-Math.PI, Math.PI), rng.uniform(-2.6, 2.6)]);
      retarget(rng);
    },
    retarget,
    reward: () => REWARD_PER_M * distance(),
    success: () => distance() < TOUCH_M,
    script: (out) =>
      servo.approach(
        physics.borrow("xpos").subarray(finger, finger + 3),
        physics.borrow("mocap_pos").subarray(0, 3),
        SCRIPT_SPEED,
        out,
      ),
  };
}
