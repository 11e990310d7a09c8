export { checkEnvironment, findRclnodejs, isBuilt, loadRclnodejs } from "./load-rclnodejs.ts";
export { openRosContext, type RosSession } from "./open-ros-context.ts";
export { type RosNodeOptions, runRosNode } from "./run-ros-node.ts";
