import { deserializeMessage, type RosMessages, type SessionStart } from "../../messages/index.ts";
import type { BagReader } from "../../replay/bag-reader.ts";

/** A recorded message of a known type, read when it is needed. */
export interface Logged<T extends keyof RosMessages> {
  readonly logTimeNs: bigint;
  read(): RosMessages[T];
}

type TickInput = Logged<"latentloop_msgs/msg/TickInput">;
type Tick = Logged<"latentloop_msgs/msg/Tick">;
type PolicyEvent = Logged<"latentloop_msgs/msg/PolicyEvent">;
type Plan = Logged<"latentloop_msgs/msg/Plan">;

/** What a bag holds of control sessions, images left out. */
export interface SessionLog {
  readonly starts: readonly SessionStart[];
  /** By the session that they bear. */
  readonly tickInputs: ReadonlyMap<bigint, readonly TickInput[]>;
  /** By the instant at which their command left the gate: a double of nanoseconds is not used twice. */
  readonly ticks: ReadonlyMap<number, Tick>;
  /** Of all models, in the order in which they were logged. */
  readonly policyEvents: readonly (PolicyEvent & { readonly session: bigint })[];
  /** By their number. */
  readonly plans: ReadonlyMap<bigint, readonly Plan[]>;
}

const TYPES = new Set([
  "latentloop_msgs/msg/SessionStart",
  "latentloop_msgs/msg/TickInput",
  "latentloop_msgs/msg/Tick",
  "latentloop_msgs/msg/PolicyEvent",
  "latentloop_msgs/msg/Plan",
]);

/** @throws those of `BagReader.messagesInTime`; ERR_MESSAGE_MALFORMED for a message of another version */
export async function readSessionLog(bag: BagReader): Promise<SessionLog> {
  const starts: SessionStart[] = [];
  const tickInputs = new Map<bigint, TickInput[]>();
  const ticks = new Map<number, Tick>();
  const policyEvents: (PolicyEvent & { session: bigint })[] = [];
  const plans = new Map<bigint, Plan[]>();
  for await (const { type, data, logTimeNs } of bag.messagesInTime({ types: TYPES })) {
    const cdr = data.slice(); // else it would hold on to its whole chunk, images and all
    switch (type) {
      case "latentloop_msgs/msg/SessionStart":
        starts.push(deserializeMessage(type, cdr));
        break;
      case "latentloop_msgs/msg/TickInput": {
        const { session } = deserializeMessage(type, cdr);
        addTo(tickInputs, session, { logTimeNs, read: () => deserializeMessage(type, cdr) });
        break;
      }
      case "latentloop_msgs/msg/Tick": {
        const { command_ns } = deserializeMessage(type, cdr);
        ticks.set(command_ns, { logTimeNs, read: () => deserializeMessage(type, cdr) });
        break;
      }
      case "latentloop_msgs/msg/PolicyEvent": {
        const { session } = deserializeMessage(type, cdr);
        policyEvents.push({ session, logTimeNs, read: () => deserializeMessage(type, cdr) });
        break;
      }
      case "latentloop_msgs/msg/Plan": {
        const { plan_id } = deserializeMessage(type, cdr);
        addTo(plans, plan_id, { logTimeNs, read: () => deserializeMessage(type, cdr) });
        break;
      }
    }
  }
  return { starts, tickInputs, ticks, policyEvents, plans };
}

function addTo<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
