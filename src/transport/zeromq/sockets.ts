import * as zmq from "zeromq";

/**
 * The one place where sockets are made, so that encryption (CURVE keys are socket options) is set in one place too.
 *
 * Queues are bounded on both sides of every connection, in messages; a peer that sends more than `LARGEST_MESSAGE` bytes at
 * once is cut off. `LINGER_MS` is how long a closing socket goes on sending.
 */
const LINGER_MS = 200;
const LARGEST_MESSAGE = 256 * 1024 * 1024;

export interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

export function makeKeyPair(): KeyPair {
  return zmq.curveKeyPair();
}

export type { Pull, Push, Reply, Subscriber, XPublisher } from "zeromq";

/**
 * Timeliness matters: what a slow peer's queue cannot take is dropped for that peer alone, and it sees the gap.
 * @param door with it, only those get in whose key the authenticator of that domain knows
 */
export function openPublisher(
  queue: number,
  door?: { readonly own: KeyPair; readonly domain: string },
): zmq.XPublisher {
  const curve = door && {
    curveServer: true,
    curveSecretKey: door.own.secretKey,
    zapDomain: door.domain,
    zapEnforceDomain: true, // without an authenticator nobody gets in
  };
  const socket = new zmq.XPublisher({ sendHighWaterMark: queue, linger: LINGER_MS, maxMessageSize: 4096, ...curve });
  socket.verbosity = "allSubs"; // a late subscriber's wish is seen even when another had it before
  return socket;
}

/** @param keys our own pair, and the public key that all peers of this socket answer with */
export function openSubscriber(
  queue: number,
  keys?: { readonly own: KeyPair; readonly serverKey: string },
): zmq.Subscriber {
  const curve = keys && {
    curvePublicKey: keys.own.publicKey,
    curveSecretKey: keys.own.secretKey,
    curveServerKey: keys.serverKey,
  };
  return new zmq.Subscriber({ receiveHighWaterMark: queue, linger: 0, maxMessageSize: LARGEST_MESSAGE, ...curve });
}

/** Where libzmq asks, within the process, whether a peer may join. */
export async function openAuthenticator(): Promise<zmq.Reply> {
  const socket = new zmq.Reply({ linger: 0, receiveTimeout: 100 });
  await socket.bind("inproc://zeromq.zap.01");
  return socket;
}

/** What a socket receives next; undefined when nothing came within its `receiveTimeout`. */
export async function receiveInTime(socket: zmq.Reply): Promise<Buffer[] | undefined> {
  try {
    return await socket.receive();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

/**
 * Calls back for every connection whose security handshake failed, with the reason.
 * @param door whether peers come to us, or we to them
 */
export function watchHandshakes(
  socket: zmq.Socket,
  door: "ours" | "theirs",
  onFailure: (reason: string) => void,
): void {
  const unknownKey = door === "ours" ? "its key is not one that is let in" : "the peer does not let our key in";
  socket.events.on("handshake:error:auth", () => onFailure(unknownKey));
  socket.events.on("handshake:error:protocol", ({ error: { code } }) => onFailure(REASONS[code] ?? code));
}

/** Of libzmq's codes, those that a peer with other keys, or with none, brings about. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_ZMTP_MECHANISM_MISMATCH: "one side uses keys and the other does not",
  ERR_ZMTP_CRYPTOGRAPHIC: "the peer takes this host for another: it expects another key",
};

/** Everything matters: sending waits for a place in the queue. */
export function openPush(queue: number): zmq.Push {
  return new zmq.Push({ sendHighWaterMark: queue, linger: -1, immediate: true });
}

export function openPull(queue: number): zmq.Pull {
  return new zmq.Pull({ receiveHighWaterMark: queue, linger: 0 });
}

/** What a socket receives until it is closed. */
export async function* receiveAll(
  socket: zmq.Subscriber | zmq.XPublisher | zmq.Pull | zmq.Reply,
): AsyncGenerator<Buffer[]> {
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
