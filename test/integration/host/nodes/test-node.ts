import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { LATCHED_QOS, type LifecycleNode, type NodeContext } from "../../../../src/core/node.ts";
import type { RosMessages } from "../../../../src/messages/index.ts";
import { nodeFactory, type Role } from "../../../../src/nodes/node-kind.ts";

const parameters = z.strictObject({
  /** Publishes a count here every few milliseconds. */
  publish: z.string().optional(),
  /** Answers each message on the first topic by one on the second. */
  relay: z.tuple([z.string(), z.string()]).optional(),
  failAt: z.enum(["configure", "activate", "deactivate", "cleanup"]).optional(),
  /** Its configuration waits until there is a file of this name. */
  configuresAfter: z.string().optional(),
  /** Throws where nobody catches it when this service is called. */
  crashOn: z.string().optional(),
});

/** A node that does what its parameters say, and logs every step of its lifecycle. */
function createTestNode(
  context: NodeContext<RosMessages>,
  { publish, relay, failAt, configuresAfter, crashOn }: z.output<typeof parameters>,
): LifecycleNode {
  let active = false;
  const step = (name: string) => async () => {
    context.log.info(name);
    if (failAt === name) throw new Error(`told to fail at ${name}`);
    active = name === "activate";
    if (name !== "configure") return;
    while (configuresAfter !== undefined && !existsSync(configuresAfter)) await sleep(5);
    build();
  };
  const build = () => {
    context.publisher("~/process", "std_msgs/msg/String", LATCHED_QOS).publish({ data: String(process.pid) });
    if (publish !== undefined) {
      const publisher = context.publisher(publish, "std_msgs/msg/Float32");
      let count = 0;
      context.every(5, () => active && publisher.publish({ data: count++ }));
    }
    if (relay !== undefined) {
      const publisher = context.publisher(relay[1], "std_msgs/msg/Float32");
      context.subscribe(relay[0], "std_msgs/msg/Float32", (message) => publisher.publish(message));
    }
    if (crashOn !== undefined) {
      context.serve(crashOn, () => {
        setImmediate(() => {
          throw new Error("a bug nobody caught");
        });
        return { success: true, message: "about to crash" };
      });
    }
  };
  return {
    configure: step("configure"),
    activate: step("activate"),
    deactivate: step("deactivate"),
    cleanup: step("cleanup"),
  };
}

export const { create } = nodeFactory(parameters, createTestNode);
export const role: Role = "intake";
