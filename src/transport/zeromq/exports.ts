import { LATCHED_QOS } from "../../core/node.ts";
import type { RosType } from "../../messages/index.ts";
import type { RingOffer } from "../bus/hub-protocol.ts";
import type { RingSubscription } from "../bus/subscription.ts";
import type { ThreadBus } from "../bus/thread-bus.ts";
import type { RingReader } from "../shared-ring.ts";
import { encodeFrame, FRAME_VERSION, prefixOf } from "./frame.ts";
import { type LaneName, laneOf } from "./lane.ts";
import type { Outbox } from "./outbox.ts";

interface SentBy {
  sequence: number;
  /** The last frames of a latched publisher, for peers that come later. */
  history: Buffer[][];
}

interface Export {
  readonly type: RosType;
  readonly subscription: RingSubscription;
  readonly publishers: Set<SentBy>;
}

/** The bridge may lag as far as the publisher's ring reaches back. */
const QOS = { ...LATCHED_QOS, depth: Number.POSITIVE_INFINITY };

/** Local topics that peers subscribed to: read from their rings, sent as frames. */
export class Exports {
  readonly #bus: ThreadBus;
  readonly #outboxes: Readonly<Record<LaneName, Outbox>>;
  readonly #types = new Map<string, RosType>();
  readonly #exports = new Map<string, Export>();
  /** By publisher; outlives an export, so that the numbers go on where they stopped. */
  readonly #sent = new Map<string, SentBy>();

  constructor(bus: ThreadBus, outboxes: Readonly<Record<LaneName, Outbox>>) {
    this.#bus = bus;
    this.#outboxes = outboxes;
  }

  /** There is a local publisher of this topic. */
  allow(topic: string, type: RosType): void {
    this.#types.set(topic, type);
  }

  /**
   * A peer wants the topic on this lane. When it runs already, what is latched goes out again: to those who have it
   * already it is nothing new.
   */
  start(topic: string, lane: LaneName): void {
    const type = this.#types.get(topic);
    if (type === undefined || laneOf(type) !== lane) return; // nobody publishes it here yet, or not on this lane
    const running = this.#exports.get(topic);
    if (running) {
      for (const { history } of running.publishers) for (const frame of history) this.#outboxes[lane].post(frame);
      return;
    }
    const publishers = new Set<SentBy>();
    const subscription = this.#bus.subscribe(topic, type, QOS, (reader, offer) =>
      publishers.add(this.#send(reader, offer)),
    );
    this.#exports.set(topic, { type, subscription, publishers });
  }

  /** No peer wants the topic any more. */
  stop(topic: string, lane: LaneName): void {
    const running = this.#exports.get(topic);
    if (running === undefined || laneOf(running.type) !== lane) return;
    running.subscription.close();
    for (const sent of running.publishers) sent.history = [];
    this.#exports.delete(topic);
  }

  #send(reader: RingReader, { publisher, topic, type, history }: RingOffer): SentBy {
    let sent = this.#sent.get(publisher);
    if (sent === undefined) this.#sent.set(publisher, (sent = { sequence: 0, history: [] }));
    const header = {
      v: FRAME_VERSION,
      kind: "message",
      topic,
      type,
      publisher,
      sequence: sent.sequence++,
      stamp: reader.sourceStampNs,
      history,
    } as const;
    const frame = encodeFrame(prefixOf.topic(topic), header, reader.message.slice());
    if (history > 0) {
      sent.history.push(frame);
      if (sent.history.length > history) sent.history.shift();
    }
    this.#outboxes[laneOf(type)].post(frame);
    return sent;
  }
}
