import type { TriggerResponse } from "../../core/node.ts";
import type { RosType } from "../../messages/index.ts";

/** One publisher's share in a topic. */
export interface Advertisement {
  /** Unique over all processes. */
  readonly publisher: string;
  readonly topic: string;
  readonly type: RosType;
  /** So many of its last messages go to subscribers that come late (transient_local); 0 for a volatile topic. */
  readonly history: number;
}

export interface RingOffer extends Advertisement {
  /** Which of the publisher's rings this is: memory that was handed over twice compares unequal. */
  readonly generation: number;
  readonly ring: SharedArrayBuffer;
}

export interface ServiceCall {
  /** Unique over all processes. */
  readonly call: string;
  readonly service: string;
  readonly timeoutMs: number;
  /** When the caller gives up, monotonic clock: what begins later must not begin. */
  readonly deadlineNs: number;
}

/** What a thread tells the hub of its process. */
export type ToHub =
  | { readonly op: "advertise"; readonly advertisement: Advertisement }
  | { readonly op: "ring"; readonly offer: RingOffer }
  | { readonly op: "withdraw"; readonly publisher: string; readonly topic: string }
  | { readonly op: "subscribe"; readonly topic: string; readonly type: RosType }
  | { readonly op: "unsubscribe"; readonly topic: string }
  | { readonly op: "serve"; readonly service: string; readonly evenLate: boolean }
  | ({ readonly op: "call" } & ServiceCall)
  | { readonly op: "response"; readonly call: string; readonly response: TriggerResponse }
  | { readonly op: "sync"; readonly sync: number };

/** What the hub tells a thread. */
export type FromHub =
  /** `fresh`: the subscriber was there before the ring, so all that it holds is new to it. */
  | { readonly op: "ring"; readonly offer: RingOffer; readonly fresh: boolean }
  | { readonly op: "request"; readonly call: string; readonly service: string; readonly deadlineNs: number }
  | { readonly op: "answer"; readonly call: string; readonly response?: TriggerResponse; readonly error?: string }
  | { readonly op: "problem"; readonly message: string }
  | { readonly op: "synced"; readonly sync: number };
