import { decodeFrame, encodeFrame, type MessageHeader } from "./frame.ts";
import { openPull, openPush, type Pull, type Push, receiveAll } from "./sockets.ts";

/** Frames that each end holds before the sender has to wait. */
const QUEUE = 64;

/** Sending end of a pipe that loses nothing: for replay, never for the control path. */
export class FramePusher {
  readonly #socket: Push = openPush(QUEUE);

  connect(endpoint: string): void {
    this.#socket.connect(endpoint);
  }

  /**
   * Waits while the receiver's queue is full: back-pressure. One call at a time.
   * The payload must never change again.
   */
  async send(header: MessageHeader, payload: Uint8Array): Promise<void> {
    await this.#socket.send(encodeFrame("", header, payload));
  }

  close(): void {
    this.#socket.close();
  }
}

/** Receiving end: `for await (const { header, payload } of puller)`. */
export class FramePuller implements AsyncIterable<{ header: MessageHeader; payload: Uint8Array }> {
  readonly #socket: Pull = openPull(QUEUE);

  /** Binds and returns the endpoint to connect to; "tcp://127.0.0.1:0" takes a free port. */
  async bind(endpoint: string): Promise<string> {
    await this.#socket.bind(endpoint);
    return this.#socket.lastEndpoint ?? endpoint;
  }

  /** @throws ERR_FRAME_VERSION, ERR_FRAME_MALFORMED */
  async *[Symbol.asyncIterator](): AsyncIterator<{ header: MessageHeader; payload: Uint8Array }> {
    for await (const parts of receiveAll(this.#socket)) {
      const { header, payload } = decodeFrame(parts);
      if (header.kind === "message") yield { header, payload };
    }
  }

  close(): void {
    this.#socket.close();
  }
}
