import type { Qos } from "../core/node.ts";

/** rmw's numbers (rmw/types.h). */
const KEEP_LAST = 1;
const RELIABILITY = { reliable: 1, best_effort: 2 } as const;
const DURABILITY = { transient_local: 1, volatile: 2 } as const;
const AUTOMATIC = 1;
const INFINITE = ["    sec: 9223372036", "    nsec: 854775807"];

/**
 * A publisher's QoS as rosbag2 stores it: YAML in a string, with numbers, which every distribution since Humble reads
 * (the names that version 9 writes are not read by Humble).
 */
export function offeredQosProfiles({ reliability, durability, depth }: Qos): string {
  return [
    `- history: ${KEEP_LAST}`,
    `  depth: ${depth}`,
    `  reliability: ${RELIABILITY[reliability]}`,
    `  durability: ${DURABILITY[durability]}`,
    "  deadline:",
    ...INFINITE,
    "  lifespan:",
    ...INFINITE,
    `  liveliness: ${AUTOMATIC}`,
    "  liveliness_lease_duration:",
    ...INFINITE,
    "  avoid_ros_namespace_conventions: false",
  ].join("\n");
}
