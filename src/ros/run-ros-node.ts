import type { z } from "zod";
import { LatentloopError, messageOf } from "../core/errors.ts";
import type { LifecycleNode, NodeContext } from "../core/node.ts";
import type { RosMessages } from "../messages/index.ts";
import { declareParameters } from "./declare-parameters.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { Transition } from "./lifecycle-graph.ts";
import { descriptionMessage, serveLifecycle } from "./lifecycle-services.ts";
import { loadRclnodejs } from "./load-rclnodejs.ts";
import { ParameterTable } from "./parameter-table.ts";
import { PARAMETER_TYPE, type Rcl, type RclNode } from "./rclnodejs.ts";
import { RosContext } from "./ros-context.ts";
import { rosLogger } from "./ros-logger.ts";

export interface RosNodeOptions {
  /** Unless the command line remaps it (`-r __node:=…`). */
  readonly name: string;
  /** Of the node's parameters. */
  readonly schema: z.ZodType;
  /** Checks the parameters by the schema and makes the node. */
  readonly create: (context: NodeContext<RosMessages>, parameters: unknown) => LifecycleNode;
  /** Command line with its `--ros-args`. */
  readonly argv: readonly string[];
}

/** How long the middleware's thread waits before it looks whether it is to stop or to take a new entity. */
const SPIN_TIMEOUT_MS = 10;

/**
 * Runs one node as a managed ROS 2 node until a signal; resolves when the robot rests and everything is closed.
 *
 * It waits in `unconfigured` for `ros2 lifecycle` or a manager, or, with the parameter `autostart`, activates itself.
 * @throws those of `loadRclnodejs`
 */
export async function runRosNode(options: RosNodeOptions): Promise<void> {
  const rcl = await loadRclnodejs();
  await rcl.init(undefined, options.argv);
  rcl.removeSignalHandlers(); // its own destroys the node at once, before the robot rests
  const node = new rcl.Node(options.name, "", undefined, { enableRosout: false }); // rcl has opened /rosout already
  const log = rosLogger(node);
  const table = new ParameterTable(options.schema);
  const autostart = declareAutostart(rcl, node);
  const isLocked = () =>
    lifecycle.state === "unconfigured"
      ? undefined
      : `Node '${node.name()}' is ${lifecycle.state}: clean it up before its parameters change.`;
  const readParameters = declareParameters(rcl, node, table, isLocked);
  const events = node.createPublisher("lifecycle_msgs/msg/TransitionEvent", "~/transition_event", {
    qos: new rcl.QoS(1, 10, 1, 2),
  });

  let context: RosContext | undefined;
  const lifecycle = new Lifecycle({
    configure: async () => {
      context = new RosContext({ rcl, node, log });
      const managed = options.create(context, table.toObject(readParameters()));
      await managed.configure();
      return managed;
    },
    release: () => {
      context?.close();
      context = undefined;
    },
    onTransition: (transition) => events.publish(eventMessage(node, transition)),
    onError: ({ label }, thrown) => log.error(sentenceOf(`Node '${node.name()}' failed to ${label}`, thrown)),
  });
  serveLifecycle(node, lifecycle, log);
  const signal = nextSignal();
  node.spin(SPIN_TIMEOUT_MS);
  try {
    if (autostart && (await lifecycle.request({ label: "configure" }))) await lifecycle.request({ label: "activate" });
    await signal;
    await lifecycle.shutdown();
  } finally {
    node.stop();
    rcl.shutdown();
  }
}

function declareAutostart(rcl: Rcl, node: RclNode): boolean {
  const name = "autostart";
  const given = node.getParameterOverrides().find((parameter) => parameter.name === name)?.value;
  const description = "Configure and activate without being asked.";
  node.declareParameter(
    new rcl.Parameter(name, PARAMETER_TYPE.bool, given === true),
    new rcl.ParameterDescriptor(name, PARAMETER_TYPE.bool, description, true),
    true,
  );
  return given === true;
}

function eventMessage(node: RclNode, transition: Transition): object {
  return { timestamp: node.now().nanoseconds, ...descriptionMessage(transition) };
}

function sentenceOf(what: string, thrown: unknown): string {
  const remedy = thrown instanceof LatentloopError && thrown.remedy ? ` ${thrown.remedy}` : "";
  const code = thrown instanceof LatentloopError ? ` [${thrown.code}]` : "";
  return `${what}: ${messageOf(thrown)}${remedy}${code}`;
}

/** The first signal ends in order, a second one at once. */
function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = (): void => {
      if (signals++ > 0) process.exit(130);
      resolve();
    };
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  });
}
