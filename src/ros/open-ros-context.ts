import { loadRclnodejs } from "./load-rclnodejs.ts";
import { makeNode } from "./make-node.ts";
import { RosContext } from "./ros-context.ts";
import { rosLogger } from "./ros-logger.ts";
import { SPIN_TIMEOUT_MS } from "./run-ros-node.ts";

export interface RosSession {
  readonly context: RosContext;
  /** Ends the node and this process's part in the graph; there is no second session after it. */
  close(): void;
}

/**
 * A plain ROS 2 node for a program that watches or measures: no lifecycle, no parameters.
 * @throws those of `loadRclnodejs`
 */
export async function openRosContext(name: string, argv: readonly string[] = process.argv): Promise<RosSession> {
  const rcl = await loadRclnodejs();
  await rcl.init(undefined, argv);
  rcl.removeSignalHandlers();
  const node = makeNode(rcl, name);
  const context = new RosContext({ rcl, node, log: rosLogger(node) });
  node.spin(SPIN_TIMEOUT_MS);
  return {
    context,
    close: () => {
      context.close();
      node.stop();
      rcl.shutdown();
    },
  };
}
