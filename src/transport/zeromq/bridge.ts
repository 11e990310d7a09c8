import { MessageChannel } from "node:worker_threads";
import { LatentloopError } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";
import type { RosType } from "../../messages/index.ts";
import type { Hub, HubPeers } from "../bus/hub.ts";
import { ThreadBus } from "../bus/thread-bus.ts";
import { Exports } from "./exports.ts";
import { decodeFrame, encodeFrame, FRAME_VERSION, type Frame, prefixOf, type RequestHeader } from "./frame.ts";
import { Imports } from "./imports.ts";
import { Outbox } from "./outbox.ts";
import { openPublisher, openSubscriber, receiveAll, type Subscriber, type XPublisher } from "./sockets.ts";

export interface BridgeOptions {
  /** Unique over all processes that are joined. */
  readonly id: string;
  /** Where peers find this process: "ipc:///run/…" or "tcp://127.0.0.1:0" for a free port. */
  readonly bind: string;
  readonly log: Logger;
}

/**
 * Joins the hub of this process to those of others over ZeroMQ.
 *
 * Every process publishes on one socket of its own and subscribes at all others, only to the topics that it has
 * subscribers for; frames go nowhere else, and nothing is passed on twice.
 */
export class Bridge implements HubPeers {
  readonly #hub: Hub;
  readonly #options: BridgeOptions;
  readonly #publisher: XPublisher = openPublisher();
  readonly #subscriber: Subscriber = openSubscriber();
  readonly #outbox = new Outbox(this.#publisher);
  readonly #bus: ThreadBus;
  readonly #exports: Exports;
  readonly #imports: Imports;
  /** Prefixes that some peer subscribed to. */
  readonly #wanted = new Set<string>();
  /** Calls of services that no peer has been seen to serve yet. */
  readonly #pendingCalls = new Map<string, RequestHeader>();
  #refused = 0;
  #lastRefusal = "";

  private constructor(hub: Hub, options: BridgeOptions, bus: ThreadBus) {
    this.#hub = hub;
    this.#options = options;
    this.#bus = bus;
    this.#exports = new Exports(bus, this.#outbox);
    this.#imports = new Imports(bus);
  }

  static async open(hub: Hub, options: BridgeOptions): Promise<Bridge> {
    const { port1, port2 } = new MessageChannel();
    const bridge = new Bridge(hub, options, new ThreadBus(port2, `${options.id}.bridge`, { ignoreOwn: true }));
    await bridge.#publisher.bind(options.bind);
    bridge.#subscriber.subscribe(prefixOf.caller(options.id));
    hub.join(bridge, port1);
    void bridge.#watchWishes();
    void bridge.#receive();
    return bridge;
  }

  /** Where peers connect to. */
  get endpoint(): string {
    return this.#publisher.lastEndpoint ?? this.#options.bind;
  }

  /** Frames that a queue had to drop here, that never arrived from a peer, and that were refused as no frames of ours. */
  get losses(): { readonly dropped: number; readonly missed: number; readonly refused: number } {
    return { dropped: this.#outbox.dropped, missed: this.#imports.missed, refused: this.#refused };
  }

  connect(endpoint: string): void {
    this.#subscriber.connect(endpoint);
  }

  onAdvertised(topic: string, type: RosType): void {
    this.#exports.allow(topic, type);
    if (this.#wanted.has(prefixOf.topic(topic))) this.#exports.start(topic);
  }

  onSubscribed(topic: string, type: RosType): void {
    if (this.#imports.expect(topic, type)) this.#subscriber.subscribe(prefixOf.topic(topic));
  }

  onUnsubscribed(topic: string): void {
    if (this.#imports.forget(topic)) this.#subscriber.unsubscribe(prefixOf.topic(topic));
  }

  onServed(service: string): void {
    this.#subscriber.subscribe(prefixOf.service(service));
  }

  call(call: string, service: string, timeoutMs: number): void {
    const prefix = prefixOf.service(service);
    const header = { v: FRAME_VERSION, kind: "request", service, call, caller: this.#options.id, timeoutMs } as const;
    if (this.#wanted.has(prefix)) {
      this.#outbox.post(encodeFrame(prefix, header));
      return;
    }
    this.#pendingCalls.set(call, header);
  }

  cancel(call: string): void {
    this.#pendingCalls.delete(call);
  }

  async close(): Promise<void> {
    this.#hub.leave();
    this.#bus.close();
    this.#subscriber.close();
    await this.#outbox.flush();
    this.#publisher.close();
  }

  /** Peers' subscriptions: byte 1 (or 0 for the end of one), then the prefix. */
  async #watchWishes(): Promise<void> {
    for await (const [wish] of receiveAll(this.#publisher)) {
      const prefix = wish!.toString("utf8", 1);
      if (wish![0] === 1) this.#onWanted(prefix);
      else {
        this.#wanted.delete(prefix);
        this.#exports.stop(prefix.slice(0, -1));
      }
    }
  }

  #onWanted(prefix: string): void {
    this.#wanted.add(prefix);
    if (prefix.startsWith("/")) this.#exports.start(prefix.slice(0, -1));
    for (const [call, header] of this.#pendingCalls) {
      if (prefixOf.service(header.service) !== prefix) continue;
      this.#pendingCalls.delete(call);
      this.#outbox.post(encodeFrame(prefix, header));
    }
  }

  async #receive(): Promise<void> {
    for await (const parts of receiveAll(this.#subscriber)) {
      try {
        this.#dispatch(decodeFrame(parts));
      } catch (thrown) {
        if (!(thrown instanceof LatentloopError)) throw thrown;
        this.#refuse(thrown);
      }
    }
  }

  #dispatch({ header, payload }: Frame): void {
    switch (header.kind) {
      case "message":
        this.#imports.take(header, payload);
        break;
      case "request":
        void this.#serve(header);
        break;
      case "response":
        this.#bus.respond(header.call, { success: header.success, message: header.message });
        break;
    }
  }

  async #serve({ call, service, caller, timeoutMs }: RequestHeader): Promise<void> {
    try {
      const { success, message } = await this.#bus.call(service, timeoutMs);
      const header = { v: FRAME_VERSION, kind: "response", call, success, message } as const;
      this.#outbox.post(encodeFrame(prefixOf.caller(caller), header));
    } catch {
      // No answer in time: the caller's own hub says so.
    }
  }

  #refuse(error: LatentloopError): void {
    this.#refused++;
    if (error.message !== this.#lastRefusal) this.#options.log.error(error.message, { code: error.code });
    this.#lastRefusal = error.message;
  }
}
