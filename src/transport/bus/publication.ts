import { createRing, RingWriter } from "../shared-ring.ts";
import type { Advertisement, RingOffer } from "./hub-protocol.ts";

/** Memory that the messages of one topic may touch, as far as the queue length allows. */
const RING_BUDGET_BYTES = 8 << 20;
/** Volatile topics keep at least so many small messages, so that a recorder may ask for a longer queue than the publisher. */
const MIN_DEPTH = 64;
/** Messages so small that many more of them cost nothing worth saving: a recorder of ticks may stand still for seconds. */
const SMALL_BUDGET_BYTES = 512 << 10;
const SMALL_DEPTH = 512;

/**
 * One publisher's end of a topic within its process.
 *
 * The ring is made at the first message, when its size is known, with room for twice that; a longer message makes a new
 * ring, and the readers finish the old one first.
 */
export class Publication {
  readonly #advertisement: Advertisement;
  readonly #depth: number;
  readonly #offer: (offer: RingOffer) => void;
  readonly #withdraw: () => void;
  #writer: RingWriter | undefined;
  #droppedBefore = 0;
  #generation = 0;

  constructor(advertisement: Advertisement, depth: number, hub: { offer(offer: RingOffer): void; withdraw(): void }) {
    this.#advertisement = advertisement;
    this.#depth = depth;
    this.#offer = hub.offer;
    this.#withdraw = hub.withdraw;
  }

  /** Messages that readers in this process lost because they were too slow. */
  get dropped(): number {
    return this.#droppedBefore + (this.#writer?.dropped ?? 0);
  }

  publish(cdr: Uint8Array, sourceStampNs: bigint): void {
    if (this.#writer === undefined || cdr.length > this.#writer.maxMessageBytes) this.#renew(cdr.length);
    this.#writer!.write(cdr, sourceStampNs);
  }

  /** Offers a ring that another thread of this process writes; `publish` is not to be called from then on. */
  share(maxMessageBytes: number): SharedArrayBuffer {
    return this.#renew(maxMessageBytes);
  }

  close(): void {
    this.#writer?.close();
    this.#withdraw();
  }

  #renew(messageBytes: number): SharedArrayBuffer {
    this.#droppedBefore = this.dropped;
    this.#writer?.close();
    const within = (budgetBytes: number) => Math.floor(budgetBytes / Math.max(messageBytes, 1));
    const affordable = Math.min(MIN_DEPTH, within(RING_BUDGET_BYTES));
    const cheap = Math.min(SMALL_DEPTH, within(SMALL_BUDGET_BYTES));
    const depth = this.#advertisement.history > 0 ? this.#depth : Math.max(this.#depth, affordable, cheap);
    const ring = createRing({ depth, maxMessageBytes: 2 * messageBytes });
    this.#writer = new RingWriter(ring);
    this.#offer({ ...this.#advertisement, generation: this.#generation++, ring });
    return ring;
  }
}
