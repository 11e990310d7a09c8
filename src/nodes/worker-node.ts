import type { LifecycleNode } from "../core/node.ts";

/** What a node does while it is active. Both may be called again and again. */
export interface NodeWork {
  begin(): void | Promise<void>;
  end(): Promise<void>;
}

/** A node whose work is made when it is configured, goes on from activation to deactivation, and is gone after the cleanup. */
export function workerNode(make: () => NodeWork | Promise<NodeWork>): LifecycleNode {
  let work: NodeWork | undefined;
  return {
    async configure() {
      work = await make();
    },
    activate: async () => work?.begin(),
    deactivate: async () => work?.end(),
    async cleanup() {
      await work?.end();
      work = undefined;
    },
  };
}
