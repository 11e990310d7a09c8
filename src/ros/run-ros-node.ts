import type { z } from "zod";
import { LatentloopError, messageOf } from "../core/errors.ts";
import { DEFAULT_QOS, type LifecycleNode, type NodeContext } from "../core/node.ts";
import { onStopSignal } from "../core/stop-signals.ts";
import type { RosMessages } from "../messages/index.ts";
import { declareParameters } from "./declare-parameters.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { Transition } from "./lifecycle-graph.ts";
import { descriptionMessage, serveLifecycle } from "./lifecycle-services.ts";
import { loadRclnodejs } from "./load-rclnodejs.ts";
import { makeNode } from "./make-node.ts";
import { parameterOverrides } from "./parameter-overrides.ts";
import { ParameterTable } from "./parameter-table.ts";
import { qosToRcl } from "./qos.ts";
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
export const SPIN_TIMEOUT_MS = 10;
const SAME_SIGNAL_MS = 1000;

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
  const node = makeNode(rcl, options.name);
  const log = rosLogger(node);
  const table = new ParameterTable(options.schema);
  const overrides = parameterOverrides(options.argv, node.getFullyQualifiedName());
  const autostart = overrides.get("autostart") === true;
  declareCommon(rcl, node, overrides, autostart);
  const isLocked = () =>
    lifecycle.state === "unconfigured"
      ? undefined
      : `Node '${node.name()}' is ${lifecycle.state}: clean it up before its parameters change.`;
  const readParameters = declareParameters(rcl, node, table, overrides, isLocked);
  const events = node.createPublisher("lifecycle_msgs/msg/TransitionEvent", "~/transition_event", {
    qos: qosToRcl(rcl, DEFAULT_QOS),
  });

  let context: RosContext | undefined;
  const lifecycle = new Lifecycle({
    create: () => {
      context = new RosContext({ rcl, node, log });
      return options.create(context, table.toValidObject(readParameters()));
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

/** The parameters that every node of ours has besides its own. */
function declareCommon(rcl: Rcl, node: RclNode, overrides: ReadonlyMap<string, unknown>, autostart: boolean): void {
  const bool = PARAMETER_TYPE.bool;
  const description = "Configure and activate without being asked.";
  node.declareParameter(
    new rcl.Parameter("autostart", bool, autostart),
    new rcl.ParameterDescriptor("autostart", bool, description, true),
    true,
  );
  node.setParameter(new rcl.Parameter("use_sim_time", bool, overrides.get("use_sim_time") === true));
}

function eventMessage(node: RclNode, transition: Transition): object {
  return { timestamp: node.now().nanoseconds, ...descriptionMessage(transition) };
}

function sentenceOf(what: string, thrown: unknown): string {
  const remedy = thrown instanceof LatentloopError && thrown.remedy ? ` ${thrown.remedy}` : "";
  const code = thrown instanceof LatentloopError ? ` [${thrown.code}]` : "";
  return `${what}: ${messageOf(thrown)}${remedy}${code}`;
}

/**
 * The first signal ends in order. A terminal and `ros2 launch` both pass Ctrl-C on, so one right after it is the same one;
 * a later one ends at once.
 */
function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    let firstMs = 0;
    onStopSignal(
      () => {
        firstMs = performance.now();
        resolve();
      },
      () => {
        if (performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(130);
      },
    );
  });
}
