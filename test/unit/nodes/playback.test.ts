import assert from "node:assert/strict";
import { test } from "node:test";
import { movesRobot } from "../../../src/nodes/playback.ts";

const moving: readonly [topic: string, type: string][] = [
  ["/commands", "std_msgs/msg/Float64MultiArray"],
  ["/servo_node/delta_joint_cmds", "control_msgs/msg/JointJog"],
  ["/servo_node/pose_target_cmds", "geometry_msgs/msg/PoseStamped"],
  ["/lab/leader/joint_states", "sensor_msgs/msg/JointState"],
  ["/teleop/keys", "std_msgs/msg/String"],
  ["/joy", "sensor_msgs/msg/Joy"],
  ["/twist", "geometry_msgs/msg/Twist"],
  ["/control/heartbeat", "std_msgs/msg/Bool"],
  ["/control/estop", "std_msgs/msg/Bool"],
];
for (const [topic, type] of moving) {
  test(`${topic} moves a robot`, () => assert.equal(movesRobot({ topic, type }), true));
}

test("what a robot and its cameras say of themselves moves nothing", () => {
  const said = ["/joint_states", "/lab/joint_states", "/arm/joint_states", "/control/status", "/monkeys"];
  for (const topic of said) assert.equal(movesRobot({ topic, type: "sensor_msgs/msg/JointState" }), false, topic);
});
