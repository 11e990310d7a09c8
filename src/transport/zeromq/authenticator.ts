import { messageOf } from "../../core/errors.ts";
import { openAuthenticator, type Reply, receiveInTime } from "./sockets.ts";
import { encodeZ85 } from "./z85.ts";

const VERSION = "1.0";

/** Public keys that may join, by the domain of the sockets that ask: a bridge each. */
const allowedIn = new Map<string, ReadonlySet<string>>();
/**
 * Opened once and never closed: a socket that closes while libzmq asks it was seen to abort the process. It holds nobody
 * up, because nothing waits for requests when there is no domain.
 */
let socket: Promise<Reply> | undefined;
let answering: Promise<void> | undefined;

/**
 * Says which public keys the sockets of a domain let in, from now on. libzmq asks one authenticator in each process; a
 * domain that it does not know lets nobody in. Source: ZeroMQ RFC 27 (ZAP).
 */
export async function admit(domain: string, publicKeys: Iterable<string>): Promise<void> {
  allowedIn.set(domain, new Set(publicKeys));
  socket ??= openAuthenticator();
  const reply = await socket;
  answering ??= answerAll(reply);
}

/** Settles once the process may end. */
export async function admitNobody(domain: string): Promise<void> {
  if (allowedIn.delete(domain) && allowedIn.size === 0) await answering;
}

async function answerAll(reply: Reply): Promise<void> {
  try {
    while (allowedIn.size > 0) {
      const request = await receiveInTime(reply);
      if (request) await reply.send(answer(request));
    }
  } catch (thrown) {
    process.emitWarning(`The authenticator has ended, nobody can join any more: ${messageOf(thrown)}`);
  }
  answering = undefined;
}

/** Request: version, id, domain, address, identity, mechanism, credentials. Reply: version, id, code, text, user, metadata. */
function answer([, id, domain, , , mechanism, publicKey]: readonly Buffer[]): (Buffer | string)[] {
  const known =
    mechanism?.toString() === "CURVE" &&
    publicKey?.length === 32 &&
    allowedIn.get(domain?.toString() ?? "")?.has(encodeZ85(publicKey));
  return [VERSION, id ?? "", known ? "200" : "400", known ? "OK" : "no key that is let in", "", ""];
}
