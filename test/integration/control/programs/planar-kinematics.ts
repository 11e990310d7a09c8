import type { KinematicsModule } from "../../../../src/nodes/control/control-setup.ts";

/** The tip of a planar arm of two links, for tests of the workspace in the control thread. */
export const createKinematics: KinematicsModule["createKinematics"] = (options) => {
  const { link } = options as { link: number };
  return {
    pointCount: 1,
    forwardKinematics(positions, points) {
      const both = positions[0]! + positions[1]!;
      points[0] = link * (Math.cos(positions[0]!) + Math.cos(both));
      points[1] = link * (Math.sin(positions[0]!) + Math.sin(both));
      points[2] = 0;
    },
  };
};
