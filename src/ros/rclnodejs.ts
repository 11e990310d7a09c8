/**
 * The part of rclnodejs that we use, as it behaves (its own types need generated messages to compile).
 * Only `load-rclnodejs.ts` imports the package itself.
 */
export interface Rcl {
  init(context?: undefined, argv?: readonly string[]): Promise<void>;
  shutdown(): void;
  removeSignalHandlers(): void;
  readonly Node: new (
    name: string,
    namespace: string,
    context: undefined,
    options: { readonly enableRosout: boolean },
  ) => RclNode;
  readonly QoS: new (history: number, depth: number, reliability: number, durability: number) => RclQos;
  readonly Parameter: new (name: string, type: number, value: unknown) => RclParameter;
  readonly ParameterDescriptor: new (
    name: string,
    type: number,
    description: string,
    readOnly: boolean,
  ) => RclParameterDescriptor;
  readonly ActionClient: new (node: RclNode, type: string, name: string) => RclActionClient;
}

/** Removed with `destroy`; a goal's promise resolves when the server has answered. */
export interface RclActionClient {
  isActionServerAvailable(): boolean;
  sendGoal(goal: object): Promise<RclGoal>;
  destroy(): void;
}

export interface RclGoal {
  isAccepted(): boolean;
  /** action_msgs/msg/GoalStatus; final once the result is there. */
  readonly status: number;
  getResult(): Promise<object>;
}

/** A message class as far as raw publishers and subscriptions look at it. */
export type RclTypeClass = (new () => object) & {
  type(): { readonly pkgName: string; readonly subFolder: string; readonly interfaceName: string };
};

export interface RclQos {
  readonly depth: number;
}

export interface RclNode {
  spin(timeoutMs?: number): void;
  stop(): void;
  destroy(): void;
  name(): string;
  namespace(): string;
  getFullyQualifiedName(): string;
  getLogger(): Record<"debug" | "info" | "warn" | "error", (message: string) => boolean>;
  now(): { readonly nanoseconds: bigint };
  createPublisher(type: RclTypeClass | string, topic: string, options: { readonly qos: RclQos }): RclPublisher;
  createSubscription(
    type: RclTypeClass | string,
    topic: string,
    options: { readonly qos: RclQos; readonly isRaw?: true } | RclCallback,
    callback?: RclCallback,
  ): RclSubscription;
  destroyPublisher(publisher: RclPublisher): void;
  destroySubscription(subscription: RclSubscription): void;
  createService<Request, Response>(
    type: string,
    name: string,
    callback: (request: Request, response: { send(answer: Response): void }) => void,
  ): RclService;
  destroyService(service: RclService): void;
  createClient(type: string, name: string): RclClient;
  destroyClient(client: RclClient): void;
  /** Neither expands nor remaps: give it a resolved name. */
  getPublishersInfoByTopic(topic: string): readonly RclEndpoint[];
  resolveTopicName(name: string): string;
  declareParameter(parameter: RclParameter, descriptor: RclParameterDescriptor, ignoreOverride: boolean): RclParameter;
  getParameter(name: string): RclParameter;
  setParameter(parameter: RclParameter): RclSetResult;
  addOnSetParametersCallback(callback: (parameters: readonly RclParameter[]) => RclSetResult): void;
}

/** Gets CDR bytes where `isRaw` is set. */
export type RclCallback = (cdr: Buffer) => void;

export interface RclPublisher {
  /** CDR bytes, or a message of a type whose JavaScript rclnodejs has generated. */
  publish(message: Buffer | object): void;
  readonly subscriptionCount: number;
}

export interface RclSubscription {
  readonly topic: string;
}

export interface RclService {
  readonly serviceName: string;
}

export interface RclClient {
  waitForService(timeoutMs: number): Promise<boolean>;
  sendRequestAsync(request: object, options: { readonly timeout: number }): Promise<unknown>;
}

export interface RclEndpoint {
  readonly node_name: string;
  readonly topic_type: string;
  readonly qos_profile: { readonly reliability: number; readonly durability: number };
}

export interface RclParameter {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

export interface RclParameterDescriptor {
  readonly name: string;
  validateParameter(parameter: RclParameter): void;
  toMessage(): object;
}

export interface RclSetResult {
  readonly successful: boolean;
  readonly reason: string;
}

/** rmw's numbers for what `Qos` names. */
export const RMW = {
  keepLast: 1,
  reliability: { reliable: 1, best_effort: 2 },
  durability: { transient_local: 1, volatile: 2 },
} as const;

/** rcl_interfaces/msg/ParameterType. */
export const PARAMETER_TYPE = {
  notSet: 0,
  bool: 1,
  integer: 2,
  double: 3,
  string: 4,
  integerArray: 7,
  doubleArray: 8,
  stringArray: 9,
} as const;
