import type { Rng } from "../../core/rng.ts";
import type { Physics } from "../physics.ts";
import { PointServo } from "../point-servo.ts";
import type { Task, TaskRules } from "../task.ts";
import { armRobot, armTask, armWorld, drawPush, gripDistance, placeOnTable, startArm, TABLE_M } from "./arm.ts";

const BALL_RADIUS_M = 0.03;
/** Over the table: high enough that the arm reaches every place without leaning on the table. */
const BALL_HEIGHT_M = 0.1;
/** Reward per metre from the target. */
const REWARD_PER_M = -10;
/** No point of the arm is further than this from a ball on the table. */
const FURTHEST_M = 1.2;
/** Of the grip, when the script moves it. Units: m/s */
const SCRIPT_SPEED = 0.4;

/** The arm is to bring its grip to a ball on a stand: always in one plane, because one fixed camera cannot see depth. */
export const armReach: Task = {
  ...armTask,
  name: "arm-reach",
  summary: "five-joint arm: bring the grip to the ball over the table",
  mjcf: armWorld({
    name: "arm-reach",
    timestepS: 0.005,
    materials: `<material name="target" rgba="0.1 0.8 0.2 1"/>`,
    objects: `<body name="target" mocap="true" pos="0.4 0.15 ${TABLE_M + BALL_HEIGHT_M}">
      <geom type="sphere" size="${BALL_RADIUS_M}" contype="0" conaffinity="0" material="target"/>
      <geom type="cylinder" size="0.006" fromto="0 0 -${BALL_HEIGHT_M} 0 0 0" contype="0" conaffinity="0" material="frame"/>
    </body>`,
  }),
  episodeSteps: 50,
  rewardRange: [REWARD_PER_M * FURTHEST_M, 0],
  rewardPerM: REWARD_PER_M,
  bind,
};

function bind(physics: Physics): TaskRules {
  const grip = physics.id("site", "grip");
  const distance = () => gripDistance(physics, grip, physics.borrow("mocap_pos"), 0);
  const servo = new PointServo(physics, armRobot, [0, 1, 2]);
  const retarget = (rng: Rng) => physics.borrow("mocap_pos").set(placeOnTable(rng, BALL_HEIGHT_M));
  return {
    start(rng) {
      startArm(physics, rng);
      retarget(rng);
    },
    retarget,
    pushObject(rng) {
      const places = physics.borrow("mocap_pos");
      const [x, y] = drawPush(rng, places, 0);
      places.set([places[0]! + x, places[1]! + y]);
    },
    reward: () => REWARD_PER_M * distance(),
    success: () => distance() < BALL_RADIUS_M,
    script: (out) =>
      servo.approach(
        physics.borrow("site_xpos").subarray(3 * grip, 3 * grip + 3),
        physics.borrow("mocap_pos").subarray(0, 3),
        SCRIPT_SPEED,
        out,
      ),
  };
}
