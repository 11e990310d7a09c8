import type { Physics } from "../physics.ts";
import { PointServo } from "../point-servo.ts";
import { armRobot, TABLE_M } from "./arm.ts";

/** Heights of the grip: while it pushes, and while it travels over the cube. Units: m */
const PUSH_HEIGHT_M = TABLE_M + 0.03;
const TRAVEL_HEIGHT_M = TABLE_M + 0.1;
/** Where a push begins: so far behind the cube's centre, as seen from the goal. */
const BEHIND_M = 0.065;
/** Wider off the line of the push than this, the grip goes round and begins again. */
const LINE_WIDTH_M = 0.02;
/** The cube counts as there. */
const DONE_M = 0.01;
/** Units: m/s */
const [TRAVEL_SPEED, PUSH_SPEED] = [0.35, 0.12];

/** A controller that goes behind the cube, lowers the grip and pushes along the line to the goal; again where it slips off. */
export function armPushScript(physics: Physics, grip: number, cube: number): (out: Float64Array) => void {
  const servo = new PointServo(physics, armRobot, [0, 1, 2]);
  const target = new Float64Array(3);
  return (out) => {
    const point = physics.borrow("site_xpos").subarray(3 * grip, 3 * grip + 3);
    const from = physics.borrow("xpos").subarray(cube, cube + 3);
    const goal = physics.borrow("mocap_pos");
    const length = Math.hypot(goal[0]! - from[0]!, goal[1]! - from[1]!);
    const [x, y] = [(goal[0]! - from[0]!) / length, (goal[1]! - from[1]!) / length];
    const along = (point[0]! - from[0]!) * x + (point[1]! - from[1]!) * y;
    const aside = (point[0]! - from[0]!) * -y + (point[1]! - from[1]!) * x;
    const isOnLine = along < 0 && Math.abs(aside) < LINE_WIDTH_M;
    const isLow = point[2]! < PUSH_HEIGHT_M + LINE_WIDTH_M;
    if (length < DONE_M) {
      out.fill(0);
    } else if (isOnLine && isLow) {
      // Ahead of the grip on the line, so that an offset to the side closes on the way.
      place(target, from[0]! + x * (along + 0.05), from[1]! + y * (along + 0.05), PUSH_HEIGHT_M);
      servo.approach(point, target, PUSH_SPEED, out);
    } else {
      const [startX, startY] = [from[0]! - BEHIND_M * x, from[1]! - BEHIND_M * y];
      const isAbove = Math.hypot(point[0]! - startX, point[1]! - startY) < LINE_WIDTH_M;
      const isHigh = point[2]! > TRAVEL_HEIGHT_M - LINE_WIDTH_M;
      if (isAbove) place(target, startX, startY, PUSH_HEIGHT_M);
      else if (isHigh) place(target, startX, startY, TRAVEL_HEIGHT_M);
      else place(target, point[0]!, point[1]!, TRAVEL_HEIGHT_M + LINE_WIDTH_M);
      servo.approach(point, target, TRAVEL_SPEED, out);
    }
  };
}

function place(out: Float64Array, x: number, y: number, z: number): void {
  out[0] = x;
  out[1] = y;
  out[2] = z;
}
