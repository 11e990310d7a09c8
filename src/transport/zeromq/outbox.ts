import type { XPublisher } from "./sockets.ts";

/** Sends one after another, as the socket demands; bounded, the oldest goes first. */
export class Outbox {
  readonly #socket: XPublisher;
  readonly #capacity: number;
  readonly #queue: Buffer[][] = [];
  #draining: Promise<void> | undefined;
  dropped = 0;

  constructor(socket: XPublisher, capacity: number) {
    this.#socket = socket;
    this.#capacity = capacity;
  }

  /** The buffers must never change again. */
  post(parts: Buffer[]): void {
    if (this.#queue.length === this.#capacity) {
      this.#queue.shift();
      this.dropped++;
    }
    this.#queue.push(parts);
    this.#draining ??= this.#drain();
  }

  /** Settles when everything posted so far is with the socket. */
  async flush(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    try {
      for (let parts = this.#queue.shift(); parts; parts = this.#queue.shift()) await this.#socket.send(parts);
    } catch {
      this.dropped += 1 + this.#queue.length; // the socket was closed meanwhile: nothing can be sent any more
      this.#queue.length = 0;
    }
    this.#draining = undefined;
  }
}
