import type { Header, Time } from "./ros-messages.ts";

const NS_PER_S = 1_000_000_000n;

/** Nanoseconds on the ROS clock → builtin_interfaces/Time. `nanosec` is never negative, as ROS asks. */
export function timeFromNs(stampNs: bigint): Time {
  const nanosec = ((stampNs % NS_PER_S) + NS_PER_S) % NS_PER_S;
  return { sec: Number((stampNs - nanosec) / NS_PER_S), nanosec: Number(nanosec) };
}

export function nsFromTime({ sec, nanosec }: Time): bigint {
  return BigInt(sec) * NS_PER_S + BigInt(nanosec);
}

export function makeHeader(stampNs: bigint, frameId = ""): Header {
  return { stamp: timeFromNs(stampNs), frame_id: frameId };
}
