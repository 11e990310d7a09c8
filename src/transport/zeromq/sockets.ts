import * as zmq from "zeromq";

/**
 * The one place where sockets are made, so that encryption (CURVE keys are socket options) will be set in one place too.
 *
 * Queues are bounded on both sides of every connection, in messages. `LINGER_MS` is how long a closing socket goes on
 * sending.
 */
const LINGER_MS = 200;

export type { Pull, Push, Subscriber, XPublisher } from "zeromq";

/** Timeliness matters: what a slow peer's queue cannot take is dropped for that peer alone, and it sees the gap. */
export function openPublisher(queue: number): zmq.XPublisher {
  const socket = new zmq.XPublisher({ sendHighWaterMark: queue, linger: LINGER_MS });
  socket.verbosity = "allSubs"; // a late subscriber's wish is seen even when another had it before
  return socket;
}

export function openSubscriber(queue: number): zmq.Subscriber {
  return new zmq.Subscriber({ receiveHighWaterMark: queue, linger: 0 });
}

/** Everything matters: sending waits for a place in the queue. */
export function openPush(queue: number): zmq.Push {
  return new zmq.Push({ sendHighWaterMark: queue, linger: -1, immediate: true });
}

export function openPull(queue: number): zmq.Pull {
  return new zmq.Pull({ receiveHighWaterMark: queue, linger: 0 });
}

/** What a socket receives until it is closed. */
export async function* receiveAll(socket: zmq.Subscriber | zmq.XPublisher | zmq.Pull): AsyncGenerator<Buffer[]> {
  while (!socket.closed) {
    let parts: Buffer[];
    try {
      parts = await socket.receive();
    } catch (error) {
      if (socket.closed) return;
      throw error;
    }
    yield parts;
  }
}
