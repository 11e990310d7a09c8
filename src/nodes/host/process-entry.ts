import { LatentloopError } from "../../core/errors.ts";
import { onStopSignal } from "../../core/stop-signals.ts";
import type { PeerAddress } from "../../transport/index.ts";
import { ROLES } from "../node-kind.ts";
import { type FromProcess, failureOf, type ToProcess } from "./host-protocol.ts";
import type { LaunchNode } from "./launch-description.ts";
import { type GroupListener, ThreadGroup } from "./thread-group.ts";

/** Entry of a child process: a `ThreadGroup` that its parent steers. It never outlives the parent. */
let group: ThreadGroup | undefined;
let nodes: readonly LaunchNode[] = [];

function tell(message: FromProcess): void {
  if (process.connected) process.send?.(message);
}

const listener: GroupListener = {
  onLog: (record) => tell({ op: "log", record }),
  onFailed: (node, failure) => tell({ op: "failed", node, failure }),
  onSignal: () => tell({ op: "signal" }),
};

async function obey(order: ToProcess): Promise<PeerAddress | undefined> {
  if (order.op === "open") {
    nodes = order.nodes;
    group = await ThreadGroup.open(order.id, order.doors, order.nodes, listener);
    return group.address;
  }
  if (group === undefined)
    throw new LatentloopError("ERR_INTERNAL", `A process was told to ${order.op} before it was open.`);
  if (order.op === "connect") await group.connect(order.peers);
  if (order.op === "step") await group.step(order.node, order.step);
  if (order.op === "close") await group.close();
  return undefined;
}

process.on("message", async (order: ToProcess) => {
  const { request } = order;
  try {
    const address = await obey(order);
    tell({ op: "answer", request, ...(address === undefined ? {} : { address }) });
  } catch (thrown) {
    tell({ op: "answer", request, failure: failureOf(thrown) });
  }
});

// A terminal's Ctrl-C or end reaches the whole process group: the parent alone decides about the order of the shutdown.
onStopSignal(listener.onSignal, () => {});

/** The parent is gone, or has closed this process: bring the nodes to rest in the order of their roles, then end. */
process.on("disconnect", async () => {
  for (const step of ["deactivate", "cleanup"] as const) {
    for (const role of ROLES) {
      const ofRole = nodes.filter((node) => node.role === role);
      await Promise.allSettled(ofRole.map(({ name }) => group?.step(name, step)));
    }
  }
  await group?.close();
  process.exit(0);
});
