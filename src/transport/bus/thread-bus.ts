import type { MessagePort } from "node:worker_threads";
import { type Clock, systemClock } from "../../core/clock.ts";
import { LatentloopError, messageOf } from "../../core/errors.ts";
import type { Qos, ServeOptions, TriggerResponse } from "../../core/node.ts";
import type { RosType } from "../../messages/index.ts";
import type { FromHub, RingOffer, ToHub } from "./hub-protocol.ts";
import { Publication } from "./publication.ts";
import { type OnRingMessage, RingSubscription } from "./subscription.ts";

interface TopicHere {
  readonly offers: Map<string, RingOffer>;
  readonly subscriptions: Set<RingSubscription>;
}

interface Waiting<Value> {
  resolve(value: Value): void;
  reject(error: Error): void;
}

export type ServiceHandler = () => TriggerResponse | Promise<TriggerResponse>;

/** One thread's access to the topics and services of its process, through a port to the hub. */
export class ThreadBus {
  readonly #port: MessagePort;
  readonly #id: string;
  readonly #ignoreOwn: boolean;
  readonly #clock: Clock;
  readonly #topics = new Map<string, TopicHere>();
  readonly #publications = new Set<Publication>();
  readonly #handlers = new Map<string, { readonly handler: ServiceHandler; readonly evenLate: boolean }>();
  readonly #calls = new Map<string, Waiting<TriggerResponse>>();
  readonly #syncs = new Map<number, Waiting<void>>();
  #problems: string[] = [];
  #counter = 0;

  /**
   * `id` is unique over all threads of all processes that are joined; `ignoreOwn` keeps what this thread publishes from
   * its own subscriptions.
   */
  constructor(port: MessagePort, id: string, { ignoreOwn = false, clock = systemClock() } = {}) {
    this.#port = port;
    this.#id = id;
    this.#ignoreOwn = ignoreOwn;
    this.#clock = clock;
    port.on("message", (message: FromHub) => this.#receive(message));
  }

  publish(topic: string, type: RosType, qos: Qos): Publication {
    const publisher = `${this.#id}.${this.#counter++}`;
    const advertisement = { publisher, topic, type, history: qos.durability === "transient_local" ? qos.depth : 0 };
    this.#tell({ op: "advertise", advertisement });
    const publication = new Publication(advertisement, qos.depth, {
      offer: (offer) => this.#tell({ op: "ring", offer }),
      withdraw: () => {
        this.#publications.delete(publication);
        this.#tell({ op: "withdraw", publisher, topic });
      },
    });
    this.#publications.add(publication);
    return publication;
  }

  subscribe(topic: string, type: RosType, qos: Qos, onMessage: OnRingMessage): RingSubscription {
    let here = this.#topics.get(topic);
    if (here === undefined) this.#topics.set(topic, (here = { offers: new Map(), subscriptions: new Set() }));
    const subscription = new RingSubscription(topic, qos, onMessage, () => this.#unsubscribe(topic, subscription));
    here.subscriptions.add(subscription);
    for (const offer of here.offers.values()) subscription.attach(offer, false);
    this.#tell({ op: "subscribe", topic, type });
    return subscription;
  }

  serve(service: string, handler: ServiceHandler, { evenLate = false }: ServeOptions = {}): void {
    this.#handlers.set(service, { handler, evenLate });
    this.#tell({ op: "serve", service, evenLate });
  }

  /** @throws ERR_SERVICE_UNAVAILABLE when no answer came within the time; then the call does not begin any more */
  call(service: string, timeoutMs: number): Promise<TriggerResponse> {
    const call = `${this.#id}.${this.#counter++}`;
    const deadlineNs = this.#clock.monotonicNs() + timeoutMs * 1e6;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      this.#tell({ op: "call", call, service, timeoutMs, deadlineNs });
    });
  }

  /**
   * Settles once the hub has seen all that this thread asked for so far.
   * @throws ERR_MESSAGE_TYPE if it refused some of it
   */
  sync(): Promise<void> {
    const sync = this.#counter++;
    return new Promise((resolve, reject) => {
      this.#syncs.set(sync, { resolve, reject });
      this.#tell({ op: "sync", sync });
    });
  }

  /** Gives a call's answer that came another way than by a handler of this thread. */
  respond(call: string, response: TriggerResponse): void {
    this.#tell({ op: "response", call, response });
  }

  close(): void {
    for (const { subscriptions } of this.#topics.values())
      for (const subscription of subscriptions) subscription.close();
    for (const publication of this.#publications) publication.close();
    const error = new LatentloopError("ERR_SERVICE_UNAVAILABLE", "The node was closed before its service call ended.");
    for (const call of this.#calls.values()) call.reject(error);
    this.#port.close();
  }

  #receive(message: FromHub): void {
    switch (message.op) {
      case "ring":
        this.#attach(message.offer, message.fresh);
        break;
      case "request":
        void this.#handle(message);
        break;
      case "answer":
        this.#answer(message);
        break;
      case "problem":
        this.#problems.push(message.message);
        break;
      case "synced":
        this.#synced(message.sync);
        break;
    }
  }

  #attach(offer: RingOffer, fresh: boolean): void {
    const here = this.#topics.get(offer.topic);
    if (here === undefined || (this.#ignoreOwn && offer.publisher.startsWith(`${this.#id}.`))) return;
    here.offers.set(offer.publisher, offer);
    for (const subscription of here.subscriptions) subscription.attach(offer, fresh);
  }

  #unsubscribe(topic: string, subscription: RingSubscription): void {
    const here = this.#topics.get(topic);
    if (!here?.subscriptions.delete(subscription) || here.subscriptions.size > 0) return;
    this.#topics.delete(topic);
    this.#tell({ op: "unsubscribe", topic });
  }

  /** This thread may have stood still meanwhile: what its caller has given up is not done any more. */
  async #handle({ call, service, deadlineNs }: Extract<FromHub, { op: "request" }>): Promise<void> {
    const served = this.#handlers.get(service);
    const lateMs = (this.#clock.monotonicNs() - deadlineNs) / 1e6;
    if (lateMs >= 0 && !served?.evenLate) {
      this.respond(call, { success: false, message: `refused: it came ${lateMs.toFixed(0)} ms after its time` });
      return;
    }
    let response: TriggerResponse;
    try {
      response = (await served?.handler()) ?? { success: false, message: "the service has gone" };
    } catch (thrown) {
      response = { success: false, message: messageOf(thrown) };
    }
    this.respond(call, response);
  }

  #answer({ call, response, error }: Extract<FromHub, { op: "answer" }>): void {
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    if (response) waiting?.resolve(response);
    else waiting?.reject(new LatentloopError("ERR_SERVICE_UNAVAILABLE", error ?? "The service gave no answer."));
  }

  #synced(sync: number): void {
    const waiting = this.#syncs.get(sync);
    this.#syncs.delete(sync);
    const [problem] = this.#problems;
    this.#problems = [];
    if (problem === undefined) waiting?.resolve();
    else waiting?.reject(new LatentloopError("ERR_MESSAGE_TYPE", problem));
  }

  #tell(message: ToHub): void {
    this.#port.postMessage(message);
  }
}
