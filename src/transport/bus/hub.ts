import type { MessagePort } from "node:worker_threads";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { TriggerResponse } from "../../core/node.ts";
import type { RosType } from "../../messages/index.ts";
import { RingWriter } from "../shared-ring.ts";
import type { Advertisement, FromHub, RingOffer, ServiceCall, ToHub } from "./hub-protocol.ts";

interface Topic {
  readonly name: string;
  readonly type: RosType;
  readonly publishers: Map<string, { readonly client: MessagePort; offer?: RingOffer }>;
  readonly subscribers: Set<MessagePort>;
}

interface Call {
  readonly client: MessagePort;
  readonly timer: NodeJS.Timeout;
}

interface Server {
  readonly client: MessagePort;
  readonly evenLate: boolean;
}

/** What joins this hub to those of other processes: the bridge. */
export interface HubPeers {
  onAdvertised(topic: string, type: RosType): void;
  onSubscribed(topic: string, type: RosType): void;
  onUnsubscribed(topic: string): void;
  onServed(service: string, evenLate: boolean): void;
  /** A call that nobody in this process serves. */
  call(call: ServiceCall): void;
  /** It was answered, or its caller gave up or ended: the call must not take effect later. */
  cancel(call: string): void;
}

/**
 * The switchboard of one process: it knows who publishes, subscribes and serves, and hands the rings round.
 *
 * Messages themselves do not pass through it: they go from thread to thread through their ring.
 */
export class Hub {
  readonly #topics = new Map<string, Topic>();
  readonly #servers = new Map<string, Server>();
  readonly #calls = new Map<string, Call>();
  readonly #clock: Clock;
  #peers: HubPeers | undefined;
  #bridge: MessagePort | undefined;

  constructor(clock: Clock = systemClock()) {
    this.#clock = clock;
  }

  connect(client: MessagePort): void {
    client.on("message", (message: ToHub) => this.#receive(client, message));
  }

  /** Forgets a thread that ended: its rings are closed for it, its calls are dropped. */
  disconnect(client: MessagePort): void {
    for (const topic of this.#topics.values()) {
      this.#unsubscribe(client, topic.name);
      for (const [id, publisher] of topic.publishers) {
        if (publisher.client !== client) continue;
        if (publisher.offer) new RingWriter(publisher.offer.ring).close();
        topic.publishers.delete(id);
      }
    }
    for (const [service, server] of this.#servers) if (server.client === client) this.#servers.delete(service);
    for (const [id, call] of this.#calls) if (call.client === client) this.#settle(id);
    client.close();
  }

  /** Joins the bridge, whose own port is `client`, and tells it what there is already. */
  join(peers: HubPeers, client: MessagePort): void {
    this.#peers = peers;
    this.#bridge = client;
    this.connect(client);
    for (const { name, type, publishers, subscribers } of this.#topics.values()) {
      if (publishers.size > 0) peers.onAdvertised(name, type);
      if (subscribers.size > 0) peers.onSubscribed(name, type);
    }
    for (const [service, { evenLate }] of this.#servers) peers.onServed(service, evenLate);
  }

  /** The bridge is about to close. */
  leave(): void {
    const client = this.#bridge;
    this.#peers = undefined;
    this.#bridge = undefined;
    if (client) this.disconnect(client);
  }

  #receive(client: MessagePort, message: ToHub): void {
    switch (message.op) {
      case "advertise":
        this.#advertise(client, message.advertisement);
        break;
      case "ring":
        this.#offer(client, message.offer);
        break;
      case "withdraw":
        this.#topics.get(message.topic)?.publishers.delete(message.publisher);
        break;
      case "subscribe":
        this.#subscribe(client, message.topic, message.type);
        break;
      case "unsubscribe":
        this.#unsubscribe(client, message.topic);
        break;
      case "serve":
        this.#servers.set(message.service, { client, evenLate: message.evenLate });
        this.#peers?.onServed(message.service, message.evenLate);
        break;
      case "call":
        this.#call(client, message);
        break;
      case "response":
        this.#settle(message.call, { response: message.response });
        break;
      case "sync":
        tell(client, { op: "synced", sync: message.sync });
        break;
    }
  }

  #advertise(client: MessagePort, advertisement: Advertisement): void {
    const topic = this.#topic(client, advertisement.topic, advertisement.type);
    if (topic === undefined) return;
    topic.publishers.set(advertisement.publisher, { client });
    if (client !== this.#bridge) this.#peers?.onAdvertised(topic.name, topic.type);
  }

  #offer(client: MessagePort, offer: RingOffer): void {
    const topic = this.#topics.get(offer.topic);
    if (topic === undefined || !topic.publishers.has(offer.publisher)) return; // refused when it was advertised
    topic.publishers.set(offer.publisher, { client, offer });
    for (const subscriber of topic.subscribers) tell(subscriber, { op: "ring", offer, fresh: true });
  }

  #subscribe(client: MessagePort, name: string, type: RosType): void {
    const topic = this.#topic(client, name, type);
    if (topic === undefined) return;
    topic.subscribers.add(client);
    for (const { offer } of topic.publishers.values()) if (offer) tell(client, { op: "ring", offer, fresh: false });
    if (client !== this.#bridge) this.#peers?.onSubscribed(name, type);
  }

  #unsubscribe(client: MessagePort, name: string): void {
    const subscribers = this.#topics.get(name)?.subscribers;
    if (!subscribers?.delete(client)) return;
    if (![...subscribers].some((other) => other !== this.#bridge)) this.#peers?.onUnsubscribed(name);
  }

  /** The topic, unless it already has another type: then the client is told. */
  #topic(client: MessagePort, name: string, type: RosType): Topic | undefined {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      this.#topics.set(name, (topic = { name, type, publishers: new Map(), subscribers: new Set() }));
    }
    if (topic.type === type) return topic;
    tell(client, { op: "problem", message: `Expected ${topic.type} on topic '${name}' but received ${type}.` });
    return undefined;
  }

  #call(client: MessagePort, { call, service, timeoutMs, deadlineNs }: ServiceCall): void {
    const restMs = (deadlineNs - this.#clock.monotonicNs()) / 1e6;
    const giveUp = () => {
      const served = this.#servers.has(service) ? "it is served but gave none" : "nobody in this process serves it";
      this.#settle(call, { error: `Expected an answer from service '${service}' within ${timeoutMs} ms: ${served}.` });
    };
    this.#calls.set(call, { client, timer: setTimeout(giveUp, Math.max(0, restMs)) });
    const server = this.#servers.get(service);
    if (restMs <= 0 && !server?.evenLate) return; // it waited here for too long
    if (server) tell(server.client, { op: "request", call, service, deadlineNs });
    else this.#peers?.call({ call, service, timeoutMs, deadlineNs });
  }

  #settle(call: string, result?: { readonly response: TriggerResponse } | { readonly error: string }): void {
    const pending = this.#calls.get(call);
    if (pending === undefined) return; // answered twice, or too late
    clearTimeout(pending.timer);
    this.#calls.delete(call);
    this.#peers?.cancel(call);
    if (result) tell(pending.client, { op: "answer", call, ...result });
  }
}

function tell(client: MessagePort, message: FromHub): void {
  client.postMessage(message);
}
