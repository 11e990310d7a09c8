import { LatentloopError } from "../../core/errors.ts";
import { DEFAULT_QOS } from "../../core/node.ts";
import type { RosType } from "../../messages/index.ts";
import type { Publication } from "../bus/publication.ts";
import type { ThreadBus } from "../bus/thread-bus.ts";
import type { MessageHeader } from "./frame.ts";

interface Import {
  readonly publication: Publication;
  lastSequence: number;
}

/** Topics of peers that somebody here subscribed to: each remote publisher becomes a local one. */
export class Imports {
  readonly #bus: ThreadBus;
  readonly #expected = new Map<string, RosType>();
  readonly #imports = new Map<string, Import>();
  /** Messages that a queue on the way dropped: gaps in the sequence numbers. */
  missed = 0;

  constructor(bus: ThreadBus) {
    this.#bus = bus;
  }

  /** Somebody here wants the topic; says whether that is new. */
  expect(topic: string, type: RosType): boolean {
    const known = this.#expected.has(topic);
    this.#expected.set(topic, type);
    return !known;
  }

  forget(topic: string): boolean {
    return this.#expected.delete(topic);
  }

  /** @throws ERR_MESSAGE_TYPE if the peer's topic has another type than ours */
  take(header: MessageHeader, payload: Uint8Array): void {
    const { topic, type, publisher, sequence, stamp, history } = header;
    const expected = this.#expected.get(topic);
    if (expected === undefined) return; // unsubscribed while it was on its way
    if (expected !== type) {
      throw new LatentloopError(
        "ERR_MESSAGE_TYPE",
        `Expected ${expected} on topic '${topic}' but another process publishes ${type}.`,
      );
    }
    const key = `${publisher} ${topic}`;
    let from = this.#imports.get(key);
    if (from === undefined) {
      const durability = history > 0 ? "transient_local" : "volatile";
      const depth = Math.max(history, history > 0 ? 1 : DEFAULT_QOS.depth);
      from = {
        publication: this.#bus.publish(topic, type, { ...DEFAULT_QOS, durability, depth }),
        lastSequence: sequence - 1,
      };
      this.#imports.set(key, from);
    }
    if (sequence <= from.lastSequence) return; // latched messages are sent again for each new peer
    this.missed += sequence - from.lastSequence - 1;
    from.lastSequence = sequence;
    from.publication.publish(payload, stamp);
  }
}
