import { qosToRcl } from "./qos.ts";
import type { Rcl, RclNode } from "./rclnodejs.ts";

/** As `ros2 bag play --clock` and Gazebo offer it. */
const CLOCK_QOS = { reliability: "best_effort", durability: "volatile", depth: 1 } as const;

/** A node of rclnodejs whose simulated time works: its own subscription to /clock asks for more than players offer. */
export function makeNode(rcl: Rcl, name: string): RclNode {
  class NodeWithClock extends rcl.Node {
    override createSubscription(
      ...[type, topic, options, callback]: Parameters<RclNode["createSubscription"]>
    ): ReturnType<RclNode["createSubscription"]> {
      const isClock = topic === "/clock" && typeof options === "function";
      if (!isClock) return super.createSubscription(type, topic, options, callback);
      return super.createSubscription(type, topic, { qos: qosToRcl(rcl, CLOCK_QOS) }, options);
    }
  }
  return new NodeWithClock(name, "", undefined, { enableRosout: false }); // rcl has opened /rosout already
}
