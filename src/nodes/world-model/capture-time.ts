import type { MessageInfo } from "../../core/node.ts";

/** Older than this, or from the future by more than a millisecond's jitter, a stamp says that a clock jumped. */
const OLDEST_NS = 5_000_000_000n;
const FUTURE_NS = 1_000_000n;

/**
 * When something stamped on the ROS clock happened on the monotonic clock, by the message that carried it.
 * Undefined when the stamp cannot be true: then the ROS clock, here or at the camera, jumped.
 */
export function captureMonotonicNs(
  stampNs: bigint,
  info: Pick<MessageInfo, "receivedStampNs" | "receivedNs">,
): number | undefined {
  const ageNs = info.receivedStampNs - stampNs;
  if (ageNs > OLDEST_NS || ageNs < -FUTURE_NS) return undefined;
  return info.receivedNs - Math.max(0, Number(ageNs));
}
