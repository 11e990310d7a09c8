import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import {
  DEFAULT_QOS,
  type Diagnosis,
  type Logger,
  type MessageInfo,
  type NodeContext,
  type Publisher,
  type Qos,
  type ServeOptions,
  type Subscription,
  type TriggerResponse,
} from "../../core/node.ts";
import { startPeriodic } from "../../core/periodic.ts";
import {
  borrowSerialized,
  type DiagnosticArray,
  deserializeMessage,
  diagnosticsToMessage,
  type RosMessages,
  type RosType,
} from "../../messages/index.ts";
import type { RingReader } from "../shared-ring.ts";
import type { Publication } from "./publication.ts";
import type { ServiceHandler, ThreadBus } from "./thread-bus.ts";
import { type NameScope, resolveName } from "./topic-name.ts";

const DIAGNOSTICS_PERIOD_MS = 1000;

export interface EmbeddedContextOptions extends NameScope {
  readonly bus: ThreadBus;
  readonly clock: Clock;
  readonly log: Logger;
}

/** `NodeContext` over the embedded transport. One per node; several may share a thread's bus. */
export class EmbeddedContext implements NodeContext<RosMessages> {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly #bus: ThreadBus;
  readonly #scope: NameScope;
  readonly #publications: Publication[] = [];
  readonly #subscriptions: Subscription[] = [];
  readonly #diagnostics: Publisher<DiagnosticArray>;
  readonly #tasks = new Map<string, () => Diagnosis>();
  readonly #stopTimers: (() => void)[] = [];
  #errors = 0;
  #errorsReported = 0;
  #lastError = "";

  constructor(options: EmbeddedContextOptions) {
    this.name = options.node;
    this.clock = options.clock;
    this.log = options.log;
    this.#bus = options.bus;
    this.#scope = options;
    this.#diagnostics = this.publisher("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray");
    this.diagnose("transport", () => this.#diagnosis());
    this.every(DIAGNOSTICS_PERIOD_MS, () => this.reportNow());
  }

  publisher<T extends RosType>(topic: string, type: T, qos: Qos = DEFAULT_QOS): Publisher<RosMessages[T]> {
    const { clock } = this;
    const publication = this.#bus.publish(this.#resolve(topic), type, qos);
    this.#publications.push(publication);
    return {
      publish: (message) => publication.publish(borrowSerialized(type, message), clock.rosNs()),
      publishSerialized: (cdr) => publication.publish(cdr, clock.rosNs()),
      shareRing: (maxMessageBytes) => publication.share(maxMessageBytes),
      get dropped() {
        return publication.dropped;
      },
    };
  }

  subscribe<T extends RosType>(
    topic: string,
    type: T,
    onMessage: (message: RosMessages[T], info: MessageInfo) => void,
    qos: Qos = DEFAULT_QOS,
  ): Subscription {
    return this.subscribeSerialized(topic, type, (cdr, info) => onMessage(deserializeMessage(type, cdr), info), qos);
  }

  subscribeSerialized(
    topic: string,
    type: RosType,
    onMessage: (cdr: Uint8Array, info: MessageInfo) => void,
    qos: Qos = DEFAULT_QOS,
  ): Subscription {
    const subscription = this.#bus.subscribe(this.#resolve(topic), type, qos, (reader) =>
      this.#guard(`a message on '${topic}'`, () => onMessage(reader.message, this.#infoOf(reader))),
    );
    this.#subscriptions.push(subscription);
    return subscription;
  }

  serve(service: string, handler: ServiceHandler, options?: ServeOptions): void {
    this.#bus.serve(this.#resolve(service), handler, options);
  }

  call(service: string, timeoutMs: number): Promise<TriggerResponse> {
    return this.#bus.call(this.#resolve(service), timeoutMs);
  }

  diagnose(task: string, report: () => Diagnosis): void {
    this.#tasks.set(task, report);
  }

  every(periodMs: number, callback: () => void): void {
    this.#stopTimers.push(startPeriodic(this.clock, periodMs, () => this.#guard("a timer", callback)));
  }

  /** Publishes the diagnostics without waiting for their turn. */
  reportNow(): void {
    const reports = Array.from(this.#tasks, ([task, report]) => [task, this.#reportOf(report)] as const);
    this.#diagnostics.publish(diagnosticsToMessage(this.name, reports, this.clock.rosNs()));
  }

  /** Ends timers, subscriptions and publications; the bus stays open. */
  close(): void {
    for (const stop of this.#stopTimers) stop();
    for (const subscription of this.#subscriptions) subscription.close();
    for (const publication of this.#publications) publication.close();
  }

  #resolve(name: string): string {
    return resolveName(this.#scope, name);
  }

  #infoOf(reader: RingReader): MessageInfo {
    return {
      sourceStampNs: reader.sourceStampNs,
      receivedStampNs: this.clock.rosNs(),
      receivedNs: this.clock.monotonicNs(),
    };
  }

  /** A throw in node code ends here: logged when it changes, counted always, seen in the diagnostics. */
  #guard(where: string, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#errors++;
      const error = `${where}: ${messageOf(thrown)}`;
      if (error !== this.#lastError)
        this.log.error(`Node '${this.name}' threw on ${error}`, { thrown: String(thrown) });
      this.#lastError = error;
    }
  }

  #reportOf(report: () => Diagnosis): Diagnosis {
    try {
      return report();
    } catch (thrown) {
      return { level: "error", message: `its report threw: ${messageOf(thrown)}`, values: {} };
    }
  }

  #diagnosis(): Diagnosis {
    const unread = this.#publications.reduce((sum, { dropped }) => sum + dropped, 0);
    const missed = this.#subscriptions.reduce((sum, { dropped }) => sum + dropped, 0);
    const values = { published_and_dropped: unread, subscribed_and_dropped: missed, callback_errors: this.#errors };
    const isNew = this.#errors > this.#errorsReported;
    this.#errorsReported = this.#errors;
    return isNew ? { level: "error", message: this.#lastError, values } : { level: "ok", message: "running", values };
  }
}
