import { type Clock, systemClock } from "../core/clock.ts";
import { LatentloopError, messageOf } from "../core/errors.ts";
import {
  type ActionClient,
  DEFAULT_QOS,
  type Diagnosis,
  type Logger,
  type MessageInfo,
  type NodeContext,
  type Publisher,
  type Qos,
  type Subscription,
  type TriggerResponse,
} from "../core/node.ts";
import { startPeriodic } from "../core/periodic.ts";
import {
  borrowSerialized,
  type DiagnosticArray,
  deserializeMessage,
  diagnosticsToMessage,
  prepareMessages,
  type RosMessages,
  type RosType,
} from "../messages/index.ts";
import { actionClient } from "./action-client.ts";
import { CallbackGuard } from "./callback-guard.ts";
import { MatchedSubscription } from "./matched-subscription.ts";
import { qosToRcl } from "./qos.ts";
import type { Rcl, RclClient, RclNode, RclPublisher } from "./rclnodejs.ts";
import { typeClassOf } from "./type-class.ts";

const DIAGNOSTICS_PERIOD_MS = 1000;
const TRIGGER = "std_srvs/srv/Trigger";

export interface RosContextOptions {
  readonly rcl: Rcl;
  readonly node: RclNode;
  readonly log: Logger;
}

/**
 * `NodeContext` over a real ROS 2 node. One per configuration: closing it removes all that was made through it.
 *
 * Topics carry our own CDR both ways: rclnodejs's conversion sends the wrong memory for views of typed arrays, loses
 * the precision of 64-bit arrays and is slower.
 */
export class RosContext implements NodeContext<RosMessages> {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly #rcl: Rcl;
  readonly #node: RclNode;
  readonly #guard: CallbackGuard;
  readonly #publishers: RclPublisher[] = [];
  readonly #subscriptions: MatchedSubscription[] = [];
  readonly #clients = new Map<string, RclClient>();
  readonly #undo: (() => void)[] = [];
  readonly #tasks = new Map<string, () => Diagnosis>();
  readonly #diagnostics: Publisher<DiagnosticArray>;
  #isClosed = false;

  constructor({ rcl, node, log }: RosContextOptions) {
    this.name = node.name();
    this.log = log;
    this.clock = rosClock(node);
    this.#rcl = rcl;
    this.#node = node;
    this.#guard = new CallbackGuard(this.name, log);
    this.#diagnostics = this.publisher("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray");
    this.diagnose("callbacks", () => this.#guard.diagnosis());
    this.every(DIAGNOSTICS_PERIOD_MS, () => {
      for (const subscription of this.#subscriptions) subscription.refresh();
      this.reportNow();
    });
  }

  publisher<T extends RosType>(topic: string, type: T, qos: Qos = DEFAULT_QOS): Publisher<RosMessages[T]> {
    const publisher = withPackage(type, () =>
      this.#node.createPublisher(typeClassOf(type), topic, { qos: qosToRcl(this.#rcl, qos) }),
    );
    this.#publishers.push(publisher);
    const publishSerialized = (cdr: Uint8Array): void => {
      // What a node's threads still had on their way when it was cleaned up has nowhere to go.
      if (!this.#isClosed) publisher.publish(Buffer.from(cdr.buffer, cdr.byteOffset, cdr.byteLength));
    };
    return {
      dropped: 0,
      get subscribers() {
        return publisher.subscriptionCount;
      },
      publishSerialized,
      publish: (message) => publishSerialized(borrowSerialized(type, message)),
    };
  }

  subscribe<T extends RosType>(
    topic: string,
    type: T,
    onMessage: (message: RosMessages[T], info: MessageInfo) => void,
    qos: Qos = DEFAULT_QOS,
  ): Subscription {
    prepareMessages(type);
    return this.subscribeSerialized(topic, type, (cdr, info) => onMessage(deserializeMessage(type, cdr), info), qos);
  }

  subscribeSerialized(
    topic: string,
    type: RosType,
    onMessage: (cdr: Uint8Array, info: MessageInfo) => void,
    qos: Qos = DEFAULT_QOS,
  ): Subscription {
    const { clock, log } = this;
    const where = `a message on '${topic}'`;
    const receive = (cdr: Uint8Array): void => {
      const receivedNs = clock.monotonicNs();
      const receivedStampNs = clock.rosNs();
      // rclnodejs gives no message info with CDR bytes: the time of arrival stands for the time of sending.
      const info = { sourceStampNs: receivedStampNs, receivedStampNs, receivedNs };
      this.#guard.run(where, () => onMessage(cdr, info));
    };
    const subscription = withPackage(
      type,
      () => new MatchedSubscription({ rcl: this.#rcl, node: this.#node, topic, type, qos, onMessage: receive, log }),
    );
    this.#subscriptions.push(subscription);
    return subscription;
  }

  serve(service: string, handler: () => TriggerResponse | Promise<TriggerResponse>): void {
    const served = this.#node.createService<unknown, TriggerResponse>(TRIGGER, service, (_, response) => {
      void (async () => {
        const answer = await handler();
        response.send({ success: answer.success, message: answer.message });
      })().catch((thrown: unknown) => {
        this.#guard.report(`a call of '${service}'`, thrown);
        this.#guard.run(`the answer of '${service}'`, () =>
          response.send({ success: false, message: messageOf(thrown) }),
        );
      });
    });
    this.#undo.push(() => this.#node.destroyService(served));
  }

  async call(service: string, timeoutMs: number): Promise<TriggerResponse> {
    let client = this.#clients.get(service);
    if (client === undefined) this.#clients.set(service, (client = this.#node.createClient(TRIGGER, service)));
    const beganMs = performance.now();
    if (!(await client.waitForService(timeoutMs))) throw unavailable(service, "nobody serves it");
    const restMs = Math.max(1, Math.round(timeoutMs - (performance.now() - beganMs)));
    try {
      const { success, message } = (await client.sendRequestAsync({}, { timeout: restMs })) as TriggerResponse;
      return { success, message };
    } catch (cause) {
      throw unavailable(service, messageOf(cause), cause);
    }
  }

  action(name: string, type: string): ActionClient {
    const client = withPackage(type, () => new this.#rcl.ActionClient(this.#node, type, name));
    this.#undo.push(() => client.destroy());
    return actionClient(client);
  }

  diagnose(task: string, report: () => Diagnosis): void {
    this.#tasks.set(task, report);
  }

  every(periodMs: number, callback: () => void): void {
    // An event-loop timer: a timer of rclnodejs is no more punctual, and making one while spinning blocks.
    this.#undo.push(startPeriodic(this.clock, periodMs, () => this.#guard.run("a timer", callback)));
  }

  /** Publishes the diagnostics without waiting for their turn. */
  reportNow(): void {
    const reports = Array.from(this.#tasks, ([task, report]) => [task, reportOf(report)] as const);
    this.#diagnostics.publish(diagnosticsToMessage(this.name, reports, this.clock.rosNs()));
  }

  /** Ends timers, subscriptions, services, clients and publishers; the ROS node stays. */
  close(): void {
    this.#isClosed = true;
    for (const undo of this.#undo.splice(0)) undo();
    for (const subscription of this.#subscriptions.splice(0)) subscription.close();
    for (const client of this.#clients.values()) this.#node.destroyClient(client);
    this.#clients.clear();
    for (const publisher of this.#publishers.splice(0)) this.#node.destroyPublisher(publisher);
  }
}

/** The node's clock: with `use_sim_time`, the time of /clock. */
function rosClock(node: RclNode): Clock {
  const { monotonicNs } = systemClock();
  return { monotonicNs, rosNs: () => node.now().nanoseconds };
}

function reportOf(report: () => Diagnosis): Diagnosis {
  try {
    return report();
  } catch (thrown) {
    return { level: "error", message: `its report threw: ${messageOf(thrown)}`, values: {} };
  }
}

function unavailable(service: string, why: string, cause?: unknown): LatentloopError {
  return new LatentloopError(
    "ERR_SERVICE_UNAVAILABLE",
    `Expected an answer of service '${service}' but received none: ${why}.`,
    { cause },
  );
}

/** @throws ERR_ROS_MESSAGE_PACKAGE when the middleware has no library for the type */
function withPackage<Result>(type: string, create: () => Result): Result {
  try {
    return create();
  } catch (cause) {
    const why = messageOf(cause);
    if (!/type ?support|librar|package|interface/i.test(why)) throw cause;
    const packageName = type.split("/")[0]!;
    const remedy =
      packageName === "latentloop_msgs"
        ? "Build it with `colcon build --packages-select latentloop_msgs` and source that workspace."
        : `Install the ROS 2 package ${packageName}; for its actions, run \`latentloop ros setup --messages\` then.`;
    throw new LatentloopError("ERR_ROS_MESSAGE_PACKAGE", `Expected the message package of ${type}: ${why}.`, {
      remedy,
      cause,
    });
  }
}
