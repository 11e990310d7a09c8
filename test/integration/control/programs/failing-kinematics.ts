import type { KinematicsModule } from "../../../../src/nodes/control/control-setup.ts";

export interface Failure {
  /** Position of the first joint from which on it fails, beyond what the loop's warming up reaches. */
  readonly above: number;
  /** Ends the control thread, or makes one tick throw. */
  readonly how: "exit" | "throw";
}

/** A point that stays where it is, and an error in the control thread once the robot has moved far enough. */
export const createKinematics: KinematicsModule["createKinematics"] = (options) => {
  const { above, how } = options as Failure;
  let isDone = false;
  return {
    pointCount: 1,
    forwardKinematics(positions, points) {
      points.fill(0);
      if (isDone || !(positions[0]! > above)) return;
      isDone = true;
      if (how === "exit") process.exit(3);
      Object.defineProperty(points, "length", {
        configurable: true,
        get() {
          Reflect.deleteProperty(points, "length");
          throw new Error("the points are gone");
        },
      });
    },
  };
};
