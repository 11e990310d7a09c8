import { jointOrder } from "./joint-order.ts";
import { COMMAND_QOS, type OutputOptions, type RobotOutput } from "./robot-output.ts";

/**
 * A joint-group or forward-command controller of ros2_control: Float64MultiArray in the controller's own order of joints.
 * @throws ERR_JOINT_MISSING if a joint is not the robot's
 */
export function jointGroupOutput({ context, robot, topic, joints }: OutputOptions): RobotOutput {
  const order = jointOrder(robot, topic, joints);
  const publisher = context.publisher(topic, "std_msgs/msg/Float64MultiArray", COMMAND_QOS);
  const data = new Float64Array(order.length);
  return {
    summary: `joint group ${topic}: ${joints.join(", ")}`,
    get listeners() {
      return publisher.subscribers;
    },
    write(command) {
      order.forEach((index, i) => {
        data[i] = command[index]!;
      });
      publisher.publish({ layout: { dim: [], data_offset: 0 }, data });
    },
  };
}
