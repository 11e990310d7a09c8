import type { Rng } from "../../core/rng.ts";
import type { RobotModel } from "../../core/robot.ts";
import type { Physics } from "../physics.ts";
import type { Task } from "../task.ts";

/** Height of the table's surface in metres. */
export const TABLE_M = 0.2;
/** Where the first joint stands. */
export const BASE_X_M = 0.08;

const MAX_SPEED = 1.5;
const ACCELERATION = 30;

/** Working range of each joint in rad; the mechanical stops lie further out. */
const RANGES = {
  j1: [-1.2, 1.2],
  j2: [-0.3, 1.5],
  j3: [0.2, 2.2],
  j4: [-1, 1.8],
  j5: [-1.5, 1.5],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;
const JOINTS = Object.keys(RANGES);

export const armRobot: RobotModel = {
  name: "table-arm",
  commandInterface: "position",
  joints: Object.entries(RANGES).map(([name, [lower, upper]]) => ({
    name,
    limits: { lower, upper, velocity: MAX_SPEED, acceleration: ACCELERATION },
  })),
};

/** What every task of the arm has: its cameras, rates and senses, and how it moves. */
export const armTask = {
  cameras: [
    { name: "scene", width: 64, height: 64 },
    { name: "wrist", width: 64, height: 64 },
  ],
  shadows: true,
  controlRateHz: 10,
  commandRateHz: 100,
  actionSpace: { dimensions: JOINTS.map((name) => ({ name, unit: "rad/s", low: -MAX_SPEED, high: MAX_SPEED })) },
  actuation: { kind: "position", actuators: JOINTS, robot: armRobot, leashRad: 0.2 },
  proprioception: [
    ...JOINTS.map((joint) => ({ name: `${joint}.position`, offset: 0, scale: 1 })),
    ...JOINTS.map((joint) => ({ name: `${joint}.velocity`, offset: 0, scale: MAX_SPEED })),
    ...JOINTS.map((joint) => ({ name: `${joint}.last`, offset: 0, scale: 1 })),
  ],
} satisfies Partial<Task>;

/**
 * An arm of five joints with a gripper before a table, a scene camera beside it and a camera at the wrist.
 *
 * The arm meets table, floor and objects (contype 1), but not itself.
 * @param objects MJCF bodies on the table
 */
export function armWorld(options: {
  readonly name: string;
  readonly timestepS: number;
  readonly materials: string;
  readonly objects: string;
}): string {
  return `
<mujoco model="${options.name}">
  <compiler angle="radian" autolimits="true"/>
  <size memory="2M"/>
  <option timestep="${options.timestepS}" integrator="implicitfast" cone="elliptic" impratio="10"/>
  <default>
    <joint damping="1" armature="0.05" frictionloss="0.02"/>
    <geom friction="0.9 0.01 0.001" contype="1" conaffinity="0"/>
    <position kp="60" dampratio="1" inheritrange="1"/>
    <default class="furniture"><geom type="box" contype="0" conaffinity="1" material="frame"/></default>
    <default class="pad"><geom type="box" size="0.005 0.01 0.03" pos="0 0 0.03" mass="0.03" friction="1.5 0.02 0.001" material="pad"/></default>
  </default>
  <asset>
    <material name="floor" rgba="0.35 0.38 0.42 1"/>
    <material name="table" rgba="0.62 0.5 0.36 1"/>
    <material name="frame" rgba="0.3 0.3 0.3 1"/>
    <material name="steel" rgba="0.2 0.2 0.22 1"/>
    <material name="shell" rgba="0.9 0.9 0.88 1"/>
    <material name="joint" rgba="0.9 0.5 0.1 1"/>
    <material name="pad" rgba="0.1 0.1 0.1 1"/>
    ${options.materials}
  </asset>
  <worldbody>
    <light dir="-0.3 0.4 -1" diffuse="0.65 0.65 0.65" ambient="0.35 0.35 0.35"/>
    <camera name="scene" pos="0.95 -0.55 0.75" xyaxes="0.5 0.87 0 -0.45 0.26 0.85" fovy="50"/>
    <geom type="plane" size="2 2 0.1" contype="0" conaffinity="1" material="floor"/>
    <body pos="0.35 0 0.1" childclass="furniture">
      <geom name="tabletop" size="0.35 0.4 0.02" pos="0 0 0.08" material="table"/>
      <geom size="0.03 0.03 0.08" pos="0.3 0.35 -0.02"/>
      <geom size="0.03 0.03 0.08" pos="-0.3 0.35 -0.02"/>
      <geom size="0.03 0.03 0.08" pos="0.3 -0.35 -0.02"/>
      <geom size="0.03 0.03 0.08" pos="-0.3 -0.35 -0.02"/>
    </body>
    <body pos="${BASE_X_M} 0 ${TABLE_M}">
      <geom type="cylinder" size="0.05 0.03" pos="0 0 0.03" mass="1" material="steel"/>
      <body pos="0 0 0.06">
        <joint name="j1" axis="0 0 1" range="-2 2"/>
        <geom type="cylinder" size="0.04 0.03" pos="0 0 0.03" mass="0.4" material="joint"/>
        <body pos="0 0 0.06">
          <joint name="j2" axis="0 1 0" range="-1.8 1.8"/>
          <geom type="capsule" fromto="0 0 0 0 0 0.18" size="0.022" mass="0.3" material="shell"/>
          <body pos="0 0 0.18">
            <joint name="j3" axis="0 1 0" range="-0.2 2.7"/>
            <geom type="capsule" fromto="0 0 0 0 0 0.15" size="0.02" mass="0.25" material="joint"/>
            <body pos="0 0 0.15">
              <joint name="j4" axis="0 1 0" range="-2 2"/>
              <geom type="capsule" fromto="0 0 0 0 0 0.05" size="0.018" mass="0.12" material="shell"/>
              <body pos="0 0 0.05">
                <joint name="j5" axis="0 0 1" range="-3 3"/>
                <geom type="box" size="0.04 0.02 0.012" pos="0 0 0.025" mass="0.1" material="steel"/>
                <camera name="wrist" pos="0 -0.05 0.02" xyaxes="1 0 0 0 -0.94 0.34" fovy="70"/>
                <site name="grip" pos="0 0 0.085"/>
                <body pos="0.025 0 0.037" childclass="pad">
                  <joint name="finger_left" type="slide" axis="1 0 0" range="-0.02 0.012" damping="5"/>
                  <geom/>
                </body>
                <body pos="-0.025 0 0.037" childclass="pad">
                  <joint name="finger_right" type="slide" axis="-1 0 0" range="-0.02 0.012" damping="5"/>
                  <geom/>
                </body>
              </body>
            </body>
          </body>
        </body>
      </body>
    </body>
    ${options.objects}
  </worldbody>
  <equality><joint joint1="finger_left" joint2="finger_right"/></equality>
  <actuator>
    ${JOINTS.map((joint) => `<position name="${joint}" joint="${joint}"/>`).join("\n    ")}
    <position name="gripper" joint="finger_left" kp="300"/>
  </actuator>
</mujoco>`;
}

/** Distance that each finger slides inwards from its reference. */
const CLOSED_M = -0.02;

/** Closes the gripper for the episode: the driver only moves the arm's own joints. */
export function closeGripper(physics: Physics): void {
  for (const finger of ["finger_left", "finger_right"]) {
    physics.borrow("qpos")[physics.borrowModel("jnt_qposadr")[physics.id("joint", finger)]!] = CLOSED_M;
  }
  physics.borrow("ctrl")[physics.id("actuator", "gripper")] = CLOSED_M;
}

/** Puts the arm into a random pose of its working range in which it touches nothing. */
export function startArm(physics: Physics, rng: Rng): void {
  const addresses = JOINTS.map((name) => physics.borrowModel("jnt_qposadr")[physics.id("joint", name)]!);
  const resting = restingContacts(physics);
  for (let attempt = 0; attempt < 100; attempt++) {
    const qpos = physics.borrow("qpos");
    Object.values(RANGES).forEach(([lower, upper], i) => {
      qpos[addresses[i]!] = (lower + upper) / 2 + 0.6 * (upper - lower) * rng.uniform(-0.5, 0.5);
    });
    physics.forward();
    if (physics.contactCount <= resting) return;
  }
}

/** Contacts of the objects on the table while the arm stands upright, out of their way. */
function restingContacts(physics: Physics): number {
  physics.forward();
  return physics.contactCount;
}

/** Distance of the point between the fingertips from a point. */
export function gripDistance(physics: Physics, site: number, target: ArrayLike<number>, at: number): number {
  const grip = physics.borrow("site_xpos");
  return Math.hypot(
    grip[3 * site]! - target[at]!,
    grip[3 * site + 1]! - target[at + 1]!,
    grip[3 * site + 2]! - target[at + 2]!,
  );
}

/** A random place on the table before the arm. Units: metres from the arm's base, radians to either side. */
export function placeOnTable(rng: Rng, heightM: number): readonly [number, number, number] {
  const radius = rng.uniform(0.22, 0.42);
  const angle = rng.uniform(-0.9, 0.9);
  return [BASE_X_M + radius * Math.cos(angle), radius * Math.sin(angle), TABLE_M + heightM];
}

/** How far a hand from outside pushes an object on the table. */
const PUSH_M = { least: 0.05, most: 0.1 };

/** A random push of the object at a place of the table, towards another place there. Units: metres along x and y */
export function drawPush(rng: Rng, places: ArrayLike<number>, at: number): readonly [x: number, y: number] {
  for (;;) {
    const place = placeOnTable(rng, 0);
    const [x, y] = [place[0] - places[at]!, place[1] - places[at + 1]!];
    const length = Math.hypot(x, y);
    if (length < PUSH_M.least) continue;
    const share = Math.min(length, PUSH_M.most) / length;
    return [share * x, share * y];
  }
}
