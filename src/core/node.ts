import type { Clock } from "./clock.ts";

/**
 * The one port a node sees. Two adapters stand behind it: the embedded transport, and rclnodejs.
 * Node code cannot tell them apart. Topic and service names are relative ("joint_states") or private ("~/arm");
 * the adapter applies namespace and remapping. `Messages` maps ROS type names to the shapes that `messages/` defines.
 */
export interface NodeContext<Messages> {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  publisher<T extends keyof Messages & string>(topic: string, type: T, qos?: Qos): Publisher<Messages[T]>;
  /**
   * Arrays inside a message may be views that are valid only during the call: copy what you keep.
   * The callback may throw: the adapter reports it and goes on.
   */
  subscribe<T extends keyof Messages & string>(
    topic: string,
    type: T,
    onMessage: (message: Messages[T], info: MessageInfo) => void,
    qos?: Qos,
  ): Subscription;
  /** Every message as CDR bytes (4-byte header included), valid only during the call. */
  subscribeSerialized(
    topic: string,
    type: keyof Messages & string,
    onMessage: (cdr: Uint8Array, info: MessageInfo) => void,
    qos?: Qos,
  ): Subscription;
  /** A std_srvs/Trigger service. */
  serve(service: string, handler: () => TriggerResponse | Promise<TriggerResponse>, options?: ServeOptions): void;
  call(service: string, timeoutMs: number): Promise<TriggerResponse>;
  /**
   * A client of an action; absent where the transport has no actions, which is everywhere but on ROS 2.
   * @throws ERR_ROS_MESSAGE_PACKAGE for a type that the binding was built without
   */
  action?(name: string, type: string): ActionClient;
  /** Reported at 1 Hz on /diagnostics. */
  diagnose(task: string, report: () => Diagnosis): void;
  every(periodMs: number, callback: () => void): void;
}

export interface ServeOptions {
  /** Done also when its caller has given up, as what brings a robot to rest is. By default a late call is refused. */
  readonly evenLate?: boolean;
}

export interface Publisher<Message> {
  publish(message: Message): void;
  /** CDR bytes with their 4-byte header; the buffer may be reused after the call. */
  publishSerialized(cdr: Uint8Array): void;
  /** Messages that a bounded queue had to drop so far. */
  readonly dropped: number;
  /** Who takes its messages now, where the adapter can tell. */
  readonly subscribers?: number;
  /**
   * The topic's shared-memory ring (`transport/shared-ring.ts`), for a thread of this process that publishes there from now
   * on instead of `publish`; absent where messages do not go through shared memory.
   */
  shareRing?(maxMessageBytes: number): SharedArrayBuffer;
}

export interface Subscription {
  /** Full name in the graph, after namespace and remapping. */
  readonly topic: string;
  /** Messages that came faster than they were taken, where the adapter can tell. */
  readonly dropped: number;
  close(): void;
}

export interface MessageInfo {
  /** Sent and received, ROS clock. */
  readonly sourceStampNs: bigint;
  readonly receivedStampNs: bigint;
  /** Received, monotonic clock. */
  readonly receivedNs: number;
}

export interface TriggerResponse {
  readonly success: boolean;
  readonly message: string;
}

export interface ActionClient {
  /** Whether somebody serves the action now. */
  readonly isServed: boolean;
  /** Sends a goal and waits for its end; a later goal may be what ends it. */
  send(goal: object): Promise<GoalOutcome>;
}

export type GoalOutcome = "succeeded" | "aborted" | "canceled" | "rejected";

export interface Diagnosis {
  readonly level: "ok" | "warn" | "error" | "stale";
  readonly message: string;
  readonly values: Readonly<Record<string, string | number>>;
}

export interface Qos {
  readonly reliability: "reliable" | "best_effort";
  readonly durability: "volatile" | "transient_local";
  /** Queue length; the oldest goes first when it is full. */
  readonly depth: number;
}

export const SENSOR_QOS: Qos = { reliability: "best_effort", durability: "volatile", depth: 5 };
export const DEFAULT_QOS: Qos = { reliability: "reliable", durability: "volatile", depth: 10 };
export const LATCHED_QOS: Qos = { reliability: "reliable", durability: "transient_local", depth: 1 };

/** What every node is: ROS 2's managed lifecycle. A hook that throws leads to `unconfigured` and a safe robot. */
export interface LifecycleNode {
  /** Load, check, allocate, create publishers and subscriptions. */
  configure(): Promise<void>;
  /** Only from here on may commands leave. */
  activate(): Promise<void>;
  /** Stop intake, hold the robot. */
  deactivate(): Promise<void>;
  /** Flush and close. */
  cleanup(): Promise<void>;
}

export interface Logger {
  debug(message: string, values?: object): void;
  info(message: string, values?: object): void;
  warn(message: string, values?: object): void;
  error(message: string, values?: object): void;
}
