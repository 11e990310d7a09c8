import { connectTo } from "./endpoint.ts";
import type { HostKeys } from "./host-keys.ts";
import { openSubscriber, receiveAll, type Subscriber, watchHandshakes } from "./sockets.ts";

export interface InletOptions {
  /** Messages that may wait for us on each connection. */
  readonly queue: number;
  readonly keys: HostKeys | undefined;
  readonly onParts: (parts: Buffer[]) => void;
  readonly onRefused: (reason: string) => void;
}

/** What a process hears on one lane: a socket for each key that peers answer with, all with the same wishes. */
export class Inlet {
  readonly #options: InletOptions;
  readonly #sockets = new Map<string | undefined, Subscriber>();
  readonly #wishes = new Set<string>();

  constructor(options: InletOptions) {
    this.#options = options;
  }

  /**
   * @param serverKey the peer's public key; undefined for one that does not encrypt
   * @throws ERR_ENDPOINT
   */
  connect(endpoint: string, serverKey: string | undefined): void {
    const socket = this.#sockets.get(serverKey) ?? this.#open(serverKey);
    connectTo(socket, endpoint);
  }

  subscribe(prefix: string): void {
    this.#wishes.add(prefix);
    for (const socket of this.#sockets.values()) socket.subscribe(prefix);
  }

  unsubscribe(prefix: string): void {
    if (!this.#wishes.delete(prefix)) return;
    for (const socket of this.#sockets.values()) socket.unsubscribe(prefix);
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear(); // a wish that comes while the rest is closing finds nothing to do
  }

  #open(serverKey: string | undefined): Subscriber {
    const { queue, keys, onRefused } = this.#options;
    const socket = openSubscriber(queue, keys && serverKey !== undefined ? { own: keys, serverKey } : undefined);
    watchHandshakes(socket, "theirs", onRefused);
    if (this.#wishes.size > 0) socket.subscribe(...this.#wishes);
    this.#sockets.set(serverKey, socket);
    void this.#receive(socket);
    return socket;
  }

  async #receive(socket: Subscriber): Promise<void> {
    for await (const parts of receiveAll(socket)) this.#options.onParts(parts);
  }
}
