import { MessageChannel } from "node:worker_threads";
import { systemClock } from "../../core/clock.ts";
import { LatentloopError } from "../../core/errors.ts";
import type { Logger } from "../../core/node.ts";
import type { RosType } from "../../messages/index.ts";
import type { Hub, HubPeers } from "../bus/hub.ts";
import type { ServiceCall } from "../bus/hub-protocol.ts";
import { ThreadBus } from "../bus/thread-bus.ts";
import { Answers } from "./answers.ts";
import { admit, admitNobody } from "./authenticator.ts";
import { requireEncryption } from "./endpoint.ts";
import { Exports } from "./exports.ts";
import { decodeFrame, encodeFrame, type Frame, prefixOf } from "./frame.ts";
import type { HostKeys } from "./host-keys.ts";
import { Imports } from "./imports.ts";
import { closeLane, LANES, type Lane, type LaneName, openLane, type PeerAddress } from "./lane.ts";
import { RemoteCalls } from "./remote-calls.ts";
import { receiveAll } from "./sockets.ts";

export interface BridgeOptions {
  /** Unique over all processes that are joined. */
  readonly id: string;
  /** Where peers find this process: "ipc:///run/…", or "tcp://127.0.0.1:0" for a free port. */
  readonly bind: PeerAddress;
  readonly log: Logger;
  /** Keys of this host. What is bound on tcp then lets in only the hosts that they name, and our own processes. */
  readonly keys?: HostKeys | undefined;
  /** Whether other hosts may be joined without keys. */
  readonly plainTcp?: boolean;
  /** What the ids of all processes of one launch begin with, for the one that passes on the answers of all. */
  readonly family?: string;
}

/** Frames and peers that were not let through, since the start. */
export interface BridgeLosses {
  /** A queue here had to drop them. */
  readonly dropped: number;
  /** They never arrived from a peer: gaps in its numbers. */
  readonly missed: number;
  /** They are no frames of ours. */
  readonly refused: number;
  /** Connections whose security handshake failed. */
  readonly strangers: number;
}

/**
 * Joins the hub of this process to those of others over ZeroMQ.
 *
 * Every process publishes on sockets of its own and subscribes at all others, only to the topics that it has subscribers
 * for; frames go nowhere else, and nothing is passed on twice.
 */
export class Bridge implements HubPeers {
  readonly #hub: Hub;
  readonly #options: BridgeOptions;
  readonly #lanes: Readonly<Record<LaneName, Lane>>;
  readonly #bus: ThreadBus;
  readonly #exports: Exports;
  readonly #imports: Imports;
  readonly #answers: Answers;
  /** Prefixes that some peer subscribed to, by lane. */
  readonly #wanted: Readonly<Record<LaneName, Set<string>>> = { events: new Set(), frames: new Set() };
  readonly #calls: RemoteCalls;
  #refused = 0;
  #lastRefusal = "";
  #strangers = 0;
  #closing = false;

  private constructor(hub: Hub, options: BridgeOptions, bus: ThreadBus, lanes: Readonly<Record<LaneName, Lane>>) {
    this.#hub = hub;
    this.#options = options;
    this.#lanes = lanes;
    this.#bus = bus;
    this.#exports = new Exports(bus, { events: lanes.events.outbox, frames: lanes.frames.outbox });
    this.#imports = new Imports(bus);
    this.#answers = new Answers(lanes.events, options.family);
    this.#calls = new RemoteCalls({
      id: options.id,
      clock: systemClock(),
      isWanted: (prefix) => this.#wanted.events.has(prefix),
      ask: (prefix, header) => lanes.events.outbox.post(encodeFrame(prefix, header)),
      answer: (prefix, header) => this.#answers.send(prefix, header),
      bus,
    });
  }

  /** @throws ERR_PLAIN_TCP if other hosts could join without keys and nobody said that they may; ERR_ENDPOINT */
  static async open(hub: Hub, options: BridgeOptions): Promise<Bridge> {
    const { id, bind, keys, plainTcp = false } = options;
    const guarded = isGuarded(options);
    for (const lane of LANES) requireEncryption(bind[lane], guarded, plainTcp);
    if (guarded) await admit(id, [keys!.publicKey, ...Object.values(keys!.peers)]);
    let bridge: Bridge | undefined; // nothing arrives before it is there: nobody is connected
    const laneOf = (name: LaneName) =>
      openLane(name, {
        bind: bind[name],
        domain: guarded ? id : undefined,
        keys,
        onParts: (parts) => {
          if (bridge) bridge.#take(parts);
        },
        onRefused: (reason) => {
          if (bridge) bridge.#turnAway(reason);
        },
      });
    const lanes = await openLanes(laneOf).catch(async (thrown) => {
      await admitNobody(id);
      throw thrown;
    });
    const { port1, port2 } = new MessageChannel();
    bridge = new Bridge(hub, options, new ThreadBus(port2, `${id}.bridge`, { ignoreOwn: true }), lanes);
    lanes.events.inlet.subscribe(prefixOf.caller(id));
    hub.join(bridge, port1);
    for (const lane of LANES) void bridge.#watchWishes(lane);
    return bridge;
  }

  /** Where peers connect to. */
  get address(): PeerAddress {
    const { events, frames } = this.#lanes;
    const { bind, keys } = this.#options;
    const serverKey = isGuarded(this.#options) ? keys?.publicKey : undefined;
    return {
      events: events.publisher.lastEndpoint ?? bind.events,
      frames: frames.publisher.lastEndpoint ?? bind.frames,
      ...(serverKey === undefined ? {} : { serverKey }),
    };
  }

  get losses(): BridgeLosses {
    const { events, frames } = this.#lanes;
    return {
      dropped: events.outbox.dropped + frames.outbox.dropped,
      missed: this.#imports.missed,
      refused: this.#refused,
      strangers: this.#strangers,
    };
  }

  /** @throws ERR_PLAIN_TCP if the peer is another host without a key and nobody said that it may be; ERR_ENDPOINT */
  connect(peer: PeerAddress): void {
    const { keys, plainTcp = false } = this.#options;
    const encrypted = keys !== undefined && peer.serverKey !== undefined;
    for (const lane of LANES) {
      requireEncryption(peer[lane], encrypted, plainTcp);
      this.#lanes[lane].inlet.connect(peer[lane], peer.serverKey);
    }
  }

  onAdvertised(topic: string, type: RosType): void {
    this.#exports.allow(topic, type);
    for (const lane of LANES) if (this.#wanted[lane].has(prefixOf.topic(topic))) this.#exports.start(topic, lane);
  }

  onSubscribed(topic: string, type: RosType): void {
    if (!this.#imports.expect(topic, type)) return;
    // On both lanes, so that a peer that publishes another type than ours is noticed.
    for (const lane of LANES) this.#lanes[lane].inlet.subscribe(prefixOf.topic(topic));
  }

  onUnsubscribed(topic: string): void {
    if (!this.#imports.forget(topic)) return;
    for (const lane of LANES) this.#lanes[lane].inlet.unsubscribe(prefixOf.topic(topic));
  }

  onServed(service: string, evenLate: boolean): void {
    this.#calls.onServed(service, evenLate);
    this.#lanes.events.inlet.subscribe(prefixOf.service(service));
  }

  call(call: ServiceCall): void {
    this.#calls.call(call);
  }

  cancel(call: string): void {
    this.#calls.cancel(call);
  }

  async close(): Promise<void> {
    this.#hub.leave();
    this.#bus.close();
    this.#closing = true;
    await Promise.all(LANES.map((lane) => closeLane(this.#lanes[lane])));
    await admitNobody(this.#options.id);
  }

  /** Peers' subscriptions: byte 1 (or 0 for the end of one), then the prefix. */
  async #watchWishes(lane: LaneName): Promise<void> {
    for await (const [wish] of receiveAll(this.#lanes[lane].publisher)) {
      const prefix = wish!.toString("utf8", 1);
      if (wish![0] === 1) this.#onWanted(lane, prefix);
      else {
        this.#wanted[lane].delete(prefix);
        this.#answers.onUnwanted(prefix);
        this.#exports.stop(prefix.slice(0, -1), lane);
      }
    }
  }

  #onWanted(lane: LaneName, prefix: string): void {
    this.#wanted[lane].add(prefix);
    this.#answers.onWanted(prefix);
    if (prefix.startsWith("/")) this.#exports.start(prefix.slice(0, -1), lane);
    if (lane === "events") this.#calls.postWaiting(prefix);
  }

  #take(parts: Buffer[]): void {
    try {
      this.#dispatch(decodeFrame(parts), parts);
    } catch (thrown) {
      if (!(thrown instanceof LatentloopError)) throw thrown;
      this.#refuse(thrown);
    }
  }

  #dispatch({ header, payload }: Frame, parts: Buffer[]): void {
    if (header.kind === "message") this.#imports.take(header, payload);
    else if (header.kind === "request" || this.#isOwn(parts)) this.#calls.take(header);
    else this.#answers.passOn(header, parts);
  }

  #isOwn([prefix]: Buffer[]): boolean {
    return prefix!.toString() === prefixOf.caller(this.#options.id);
  }

  #refuse(error: LatentloopError): void {
    this.#refused++;
    if (error.message !== this.#lastRefusal) this.#options.log.error(error.message, { code: error.code });
    this.#lastRefusal = error.message;
  }

  /** A peer without the right keys tries again and again: it is said at the 1st, 10th, 100th… time. */
  #turnAway(reason: string): void {
    if (this.#closing) return;
    this.#strangers++;
    if (!Number.isInteger(Math.log10(this.#strangers))) return;
    const times = this.#strangers === 1 ? "" : ` (${this.#strangers} times so far)`;
    this.#options.log.warn(`A connection was refused${times}: ${reason}.`, { code: "ERR_KEYS" });
  }
}

/** Sockets of the file system are for the processes of this host alone: only tcp needs keys. */
function isGuarded({ keys, bind }: Pick<BridgeOptions, "keys" | "bind">): boolean {
  return keys !== undefined && bind.events.startsWith("tcp:");
}

async function openLanes(open: (name: LaneName) => Promise<Lane>): Promise<Readonly<Record<LaneName, Lane>>> {
  const events = await open("events");
  try {
    return { events, frames: await open("frames") };
  } catch (thrown) {
    await closeLane(events);
    throw thrown;
  }
}
