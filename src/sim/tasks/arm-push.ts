import type { Rng } from "../../core/rng.ts";
import type { Physics } from "../physics.ts";
import type { Task, TaskRules } from "../task.ts";
import { armTask, armWorld, closeGripper, drawPush, gripDistance, placeOnTable, startArm } from "./arm.ts";
import { armPushScript } from "./arm-push-script.ts";

const CUBE_HALF_M = 0.02;
/** The goal's radius: the cube's centre is to lie over it. */
const GOAL_RADIUS_M = 0.03;
/** A new goal lies at least this far from the cube. */
const SHORTEST_PUSH_M = 0.08;
/** Of the cube on the table, by the model's friction. Units: m/s² */
const SLOWING = 0.9 * 9.81;
/** Rewards per metre between cube and goal, and between grip and cube until it is near. */
const [PUSH_PER_M, APPROACH_PER_M, NEAR_M] = [-10, -5, 0.05];
/** A cube that has fallen off the table counts as this. */
const LOWEST_REWARD = -15;

/** The arm is to push a cube across the table onto a goal. The gripper stays closed. */
export const armPush: Task = {
  ...armTask,
  name: "arm-push",
  summary: "five-joint arm: push the cube onto the goal",
  mjcf: armWorld({
    name: "arm-push",
    timestepS: 0.002,
    materials: `<material name="cube" rgba="0.85 0.15 0.12 1"/><material name="goal" rgba="0.1 0.8 0.2 1"/>`,
    objects: `<body name="cube" pos="0.4 0 0.22">
      <freejoint name="cube"/>
      <geom type="box" size="${CUBE_HALF_M} ${CUBE_HALF_M} ${CUBE_HALF_M}" mass="0.05" conaffinity="1" material="cube"/>
    </body>
    <body name="goal" mocap="true" pos="0.4 0.15 0.201">
      <geom type="cylinder" size="${GOAL_RADIUS_M} 0.001" contype="0" conaffinity="0" material="goal"/>
    </body>`,
  }),
  episodeSteps: 100,
  rewardRange: [LOWEST_REWARD, 0],
  bind,
};

function bind(physics: Physics): TaskRules {
  const grip = physics.id("site", "grip");
  const cube = 3 * physics.id("body", "cube");
  const cubeAddress = physics.borrowModel("jnt_qposadr")[physics.id("joint", "cube")]!;
  const cubeSpeed = physics.borrowModel("jnt_dofadr")[physics.id("joint", "cube")]!;
  const toGoal = () => {
    const position = physics.borrow("xpos");
    const goal = physics.borrow("mocap_pos");
    return Math.hypot(position[cube]! - goal[0]!, position[cube + 1]! - goal[1]!);
  };
  const retarget = (rng: Rng) => {
    for (let attempt = 0; attempt < 100; attempt++) {
      physics.borrow("mocap_pos").set(placeOnTable(rng, 0.001));
      if (toGoal() > SHORTEST_PUSH_M) return;
    }
  };
  /** Gives it the speed that friction takes from it over this way. */
  const pushObject = (rng: Rng) => {
    const [x, y] = drawPush(rng, physics.borrow("xpos"), cube);
    const perM = Math.sqrt((2 * SLOWING) / Math.hypot(x, y));
    physics.borrow("qvel").set([perM * x, perM * y], cubeSpeed);
  };
  return {
    start(rng) {
      const heading = rng.uniform(-Math.PI / 4, Math.PI / 4);
      const pose = [...placeOnTable(rng, CUBE_HALF_M), Math.cos(heading / 2), 0, 0, Math.sin(heading / 2)];
      physics.borrow("qpos").set(pose, cubeAddress);
      closeGripper(physics);
      startArm(physics, rng);
      retarget(rng);
    },
    retarget,
    pushObject,
    reward() {
      const approach = Math.max(0, gripDistance(physics, grip, physics.borrow("xpos"), cube) - NEAR_M);
      return Math.max(LOWEST_REWARD, PUSH_PER_M * toGoal() + APPROACH_PER_M * approach);
    },
    success: () => toGoal() < GOAL_RADIUS_M,
    script: armPushScript(physics, grip, cube),
  };
}
