import { setImmediate } from "node:timers/promises";
import type { Qos, Subscription } from "../../core/node.ts";
import { RingReader } from "../shared-ring.ts";
import type { RingOffer } from "./hub-protocol.ts";

/** Messages taken in one go before other work of the thread gets its turn. */
const BATCH = 16;

/** What a subscriber gets: the reader holds the message and its stamps, valid during the call. */
export type OnRingMessage = (reader: RingReader, offer: RingOffer) => void;

/** One subscriber's end of a topic: reads the rings of all its publishers. `onMessage` must not throw. */
export class RingSubscription implements Subscription {
  readonly topic: string;
  readonly #keepLast: number;
  readonly #latched: boolean;
  readonly #onClose: () => void;
  readonly #onMessage: OnRingMessage;
  /** By publisher and generation of the ring. */
  readonly #readers = new Map<string, RingReader>();
  #droppedBefore = 0;
  #closed = false;

  constructor(topic: string, qos: Qos, onMessage: OnRingMessage, onClose: () => void) {
    this.topic = topic;
    this.#keepLast = qos.depth;
    this.#latched = qos.durability === "transient_local";
    this.#onMessage = onMessage;
    this.#onClose = onClose;
  }

  /** Messages that were overwritten before this subscriber came to them. */
  get dropped(): number {
    let dropped = this.#droppedBefore;
    for (const reader of this.#readers.values()) dropped += reader.dropped;
    return dropped;
  }

  attach(offer: RingOffer, fresh: boolean): void {
    const ring = `${offer.publisher} ${offer.generation}`;
    if (this.#closed || this.#readers.has(ring)) return;
    const from = fresh || (offer.history > 0 && this.#latched) ? "oldest" : "newest";
    const reader = new RingReader(offer.ring, { from, keepLast: this.#keepLast });
    if (reader.closed && !fresh) return; // what a publisher latched goes with it
    this.#readers.set(ring, reader);
    void this.#pump(reader, offer).then(() => this.#readers.delete(ring));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
  }

  async #pump(reader: RingReader, offer: RingOffer): Promise<void> {
    while (!this.#closed) {
      for (let taken = 0; taken < BATCH && !this.#closed && reader.read(); taken++) this.#onMessage(reader, offer);
      const { closed } = reader; // before `waiting`: what was written before the close is still read
      if (reader.waiting) await setImmediate();
      else if (closed) break;
      else await reader.waitAsync();
    }
    this.#droppedBefore += reader.dropped;
  }
}
