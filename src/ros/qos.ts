import type { Qos } from "../core/node.ts";
import { type Rcl, type RclEndpoint, type RclQos, RMW } from "./rclnodejs.ts";

/** rclnodejs takes one message of a topic per wake-up: a shorter queue loses messages that arrive together. */
const MIN_DEPTH = 10;

export function qosToRcl(rcl: Rcl, { depth, reliability, durability }: Qos): RclQos {
  // A latched topic's depth says how many old messages a late subscriber gets.
  const queue = durability === "transient_local" ? depth : Math.max(depth, MIN_DEPTH);
  return new rcl.QoS(RMW.keepLast, queue, RMW.reliability[reliability], RMW.durability[durability]);
}

/**
 * What a subscription must ask for so that every publisher of its topic reaches it: nothing that one of them does not offer.
 * DDS lets a subscription ask for less than is offered, never for more.
 */
export function matchPublishers(wanted: Qos, publishers: readonly RclEndpoint[]): Qos {
  const bestEffort = publishers.some(({ qos_profile: { reliability } }) => reliability === RMW.reliability.best_effort);
  const volatile = publishers.some(({ qos_profile: { durability } }) => durability === RMW.durability.volatile);
  return {
    depth: wanted.depth,
    reliability: bestEffort ? "best_effort" : wanted.reliability,
    durability: volatile ? "volatile" : wanted.durability,
  };
}

export function isSameQos(a: Qos, b: Qos): boolean {
  return a.reliability === b.reliability && a.durability === b.durability && a.depth === b.depth;
}
