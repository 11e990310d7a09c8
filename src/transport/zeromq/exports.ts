import { LATCHED_QOS } from "../../core/node.ts";
import type { RosType } from "../../messages/index.ts";
import type { RingOffer } from "../bus/hub-protocol.ts";
import type { RingSubscription } from "../bus/subscription.ts";
import type { ThreadBus } from "../bus/thread-bus.ts";
import type { RingReader } from "../shared-ring.ts";
import { encodeFrame, FRAME_VERSION, prefixOf } from "./frame.ts";
import type { Outbox } from "./outbox.ts";

interface SentBy {
  sequence: number;
  /** The last frames of a latched publisher, for peers that come later. */
  history: Buffer[][];
}

interface Export {
  readonly subscription: RingSubscription;
  readonly publishers: Set<SentBy>;
}

/** Messages that may wait in the ring for the bridge. */
const QOS = { ...LATCHED_QOS, depth: 64 };

/** Local topics that peers subscribed to: read from their rings, sent as frames. */
export class Exports {
  readonly #bus: ThreadBus;
  readonly #outbox: Outbox;
  readonly #types = new Map<string, RosType>();
  readonly #exports = new Map<string, Export>();
  /** By publisher; outlives an export, so that the numbers go on where they stopped. */
  readonly #sent = new Map<string, SentBy>();

  constructor(bus: ThreadBus, outbox: Outbox) {
    this.#bus = bus;
    this.#outbox = outbox;
  }

  /** There is a local publisher of this topic. */
  allow(topic: string, type: RosType): void {
    this.#types.set(topic, type);
  }

  /** A peer wants the topic; one more peer gets what is latched, again for those who have it already (they know it). */
  start(topic: string): void {
    const running = this.#exports.get(topic);
    if (running) {
      for (const { history } of running.publishers) for (const frame of history) this.#outbox.post(frame);
      return;
    }
    const type = this.#types.get(topic);
    if (type === undefined) return; // nobody publishes it here yet
    const publishers = new Set<SentBy>();
    const subscription = this.#bus.subscribe(topic, type, QOS, (reader, offer) =>
      publishers.add(this.#send(reader, offer)),
    );
    this.#exports.set(topic, { subscription, publishers });
  }

  /** No peer wants the topic any more. */
  stop(topic: string): void {
    const running = this.#exports.get(topic);
    if (running === undefined) return;
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
    this.#outbox.post(frame);
    return sent;
  }
}
