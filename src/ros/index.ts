export { checkEnvironment, findRclnodejs, isBuilt, loadRclnodejs } from "./load-rclnodejs.ts";
export { type RosNodeOptions, runRosNode } from "./run-ros-node.ts";
