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
 * What a subscription must ask for so that its topic's publishers reach it. DDS lets it ask for less than is offered, never for more:
 * a reliable wish goes as soon as one of them is best-effort, the wish for latched messages only when none latches, because
 * those sent before are what it is for.
 */
export function matchPublishers(wanted: Qos, publishers: readonly RclEndpoint[]): Qos {
  const bestEffort = publishers.some(({ qos_profile: { reliability } }) => reliability === RMW.reliability.best_effort);
  const latched = publishers.some(({ qos_profile: { durability } }) => durability === RMW.durability.transient_local);
  return {
    depth: wanted.depth,
    reliability: bestEffort ? "best_effort" : wanted.reliability,
    durability: latched || publishers.length === 0 ? wanted.durability : "volatile",
  };
}

export function isSameQos(a: Qos, b: Qos): boolean {
  return a.reliability === b.reliability && a.durability === b.durability && a.depth === b.depth;
}
