import type { Physics } from "../physics.ts";
import { motorActionSpace, plainFeatures, type Task, type TaskRules } from "../task.ts";
import { randomHinges, SUITE_ASSETS, SUITE_LIGHT, SUITE_TASK } from "./suite.ts";
import { gaussianTolerance, linearTolerance } from "./tolerance.ts";

const STAND_HEIGHT_M = 1.2;
const WALK_SPEED = 1;

/** One leg; `y` is the side it is on. */
const leg = (side: "right" | "left", y: number, material: string) => `
      <body name="${side}_thigh" pos="0 ${y} -0.3">
        <joint name="${side}_hip" range="-20 100"/>
        <geom pos="0 0 -0.225" size="0.05 0.225" material="${material}"/>
        <body name="${side}_leg" pos="0 0 -0.7">
          <joint name="${side}_knee" pos="0 0 0.25" range="-150 0"/>
          <geom size="0.04 0.25" material="${material}"/>
          <body name="${side}_foot" pos="0.06 0 -0.25">
            <joint name="${side}_ankle" pos="-0.06 0 0" range="-45 45"/>
            <geom zaxis="1 0 0" size="0.05 0.1" material="${material}"/>
          </body>
        </body>
      </body>`;

const HINGES = ["right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"] as const;
const GEARS = { hip: 100, knee: 50, ankle: 20 } as const;
const BODIES = ["torso", "right_thigh", "right_leg", "right_foot", "left_thigh", "left_leg", "left_foot"] as const;
const COORDINATES = ["root_z", "root_x", "root_y", ...HINGES] as const;

const mjcf = `
<mujoco model="walker-walk">
  <size memory="1M"/>
  <option timestep="0.0025"/>
  <default>
    <joint axis="0 -1 0" limited="true" damping="0.1" armature="0.01" solimplimit="0 0.99 0.01"/>
    <geom type="capsule" contype="1" conaffinity="0" friction="0.7 0.1 0.1" material="body"/>
    <motor ctrllimited="true" ctrlrange="-1 1"/>
    <default class="free"><joint limited="false" damping="0" armature="0" stiffness="0"/></default>
  </default>
  <asset>${SUITE_ASSETS}</asset>
  <worldbody>
    ${SUITE_LIGHT}
    <geom type="plane" size="250 20 1" contype="1" conaffinity="1" material="ground"/>
    <body name="torso" pos="0 0 1.3">
      <camera name="scene" pos="0 -2 0.7" euler="60 0 0" mode="trackcom" fovy="45"/>
      <joint name="root_z" class="free" type="slide" axis="0 0 1"/>
      <joint name="root_x" class="free" type="slide" axis="1 0 0"/>
      <joint name="root_y" class="free" type="hinge" axis="0 1 0"/>
      <geom size="0.07 0.3"/>
      ${leg("right", -0.05, "effector")}
      ${leg("left", 0.05, "body")}
    </body>
  </worldbody>
  <actuator>
    ${HINGES.map((name) => `<motor name="${name}" joint="${name}" gear="${GEARS[name.split("_")[1] as keyof typeof GEARS]}"/>`).join("\n    ")}
  </actuator>
  <sensor><subtreelinvel name="velocity" body="torso"/></sensor>
</mujoco>`;

/** A planar biped is to walk upright at 1 m/s. */
export const walkerWalk: Task = {
  ...SUITE_TASK,
  name: "walker-walk",
  summary: "control suite: a planar biped walks upright",
  mjcf,
  controlRateHz: 40,
  commandRateHz: 40,
  actionSpace: motorActionSpace(HINGES),
  actuation: { kind: "effort", actuators: HINGES },
  proprioception: plainFeatures([
    ...BODIES.flatMap((body) => [`${body}_xx`, `${body}_xz`]),
    "height",
    ...COORDINATES.map((coordinate) => `${coordinate}_velocity`),
  ]),
  bind,
};

function bind(physics: Physics): TaskRules {
  const bodies = BODIES.map((name) => physics.id("body", name));
  const [torso = 0] = bodies;
  const height = () => physics.borrow("xpos")[3 * torso + 2]!;
  const reward = () => {
    const standing = gaussianTolerance(height(), STAND_HEIGHT_M, Number.POSITIVE_INFINITY, STAND_HEIGHT_M / 2);
    const upright = (1 + physics.borrow("xmat")[9 * torso + 8]!) / 2;
    const speed = physics.borrow("sensordata")[0]!;
    const moving = linearTolerance(speed, WALK_SPEED, Number.POSITIVE_INFINITY, WALK_SPEED / 2);
    return (((3 * standing + upright) / 4) * (5 * moving + 1)) / 6;
  };
  return {
    start(rng) {
      randomHinges(
        physics,
        rng,
        ["root_y", ...HINGES],
        ["root_y", ...HINGES].map((name) => name !== "root_y"),
      );
    },
    reward,
    success: () => reward() > 0.8,
    observe(out) {
      const rotation = physics.borrow("xmat");
      bodies.forEach((body, i) => {
        out[2 * i] = rotation[9 * body]!;
        out[2 * i + 1] = rotation[9 * body + 2]!;
      });
      out[2 * bodies.length] = height();
      out.set(physics.borrow("qvel"), 2 * bodies.length + 1);
    },
  };
}
