import { once } from "node:events";
import { connect } from "node:net";
import { LatentloopError, messageOf } from "../../core/errors.ts";

const LOOPBACK = /^tcp:\/\/(localhost|127(\.\d+){3}|\[::1\]):/;
const SOCKET_FILE = /^ipc:\/\/(?!@)(.+)$/;
const HIGHEST_PORT = 65_535;

/** What libzmq's codes mean for somebody who wrote an endpoint. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there",
  EADDRINUSE: "another process is bound there",
  EADDRNOTAVAIL: "this host has no such address",
  EINVAL: "that is no endpoint",
  ENAMETOOLONG: "the path is too long",
  ENODEV: "this host has no such address",
  ENOENT: "its folder does not exist",
};

/** Whether only this machine can reach an endpoint. */
export function isLocal(endpoint: string): boolean {
  return !endpoint.startsWith("tcp:") || LOOPBACK.test(endpoint);
}

/**
 * What goes over a network is encrypted, unless somebody said that it need not be.
 * @throws ERR_PLAIN_TCP
 */
export function requireEncryption(endpoint: string, encrypted: boolean, plainTcp: boolean): void {
  if (encrypted || plainTcp || isLocal(endpoint)) return;
  throw new LatentloopError("ERR_PLAIN_TCP", `Expected keys for ${endpoint}: other hosts are joined encrypted.`, {
    remedy:
      "Make keys with `latentloop keys make`, name this host's in the launch file (keys: …) and its peers as { host, endpoint }. In a network that you trust: plainTcp: true.",
  });
}

/** @throws ERR_ENDPOINT */
export async function bindAt(socket: { bind(endpoint: string): Promise<void> }, endpoint: string): Promise<void> {
  try {
    requirePort(endpoint);
    await requireFree(endpoint);
    await socket.bind(endpoint);
  } catch (thrown) {
    throw refusalOf("bind", endpoint, thrown);
  }
}

/** Whoever is to be found there may come later. @throws ERR_ENDPOINT */
export function connectTo(socket: { connect(endpoint: string): void }, endpoint: string): void {
  try {
    requirePort(endpoint);
    socket.connect(endpoint);
  } catch (thrown) {
    throw refusalOf("join", endpoint, thrown);
  }
}

/** libzmq takes a port that is too high for another one, and looks for the meaning of words. */
function requirePort(endpoint: string): void {
  if (!endpoint.startsWith("tcp:")) return;
  const [, port] = /^tcp:\/\/.+:(\d+)$/.exec(endpoint) ?? [];
  if (port === undefined || Number(port) > HIGHEST_PORT) throw new Error(`it has no port up to ${HIGHEST_PORT}`);
}

/** libzmq takes a socket of the file system away from the process that listens there. */
async function requireFree(endpoint: string): Promise<void> {
  const path = SOCKET_FILE.exec(endpoint)?.[1];
  if (path === undefined) return;
  const visitor = connect(path);
  const isServed = await once(visitor, "connect").then(
    () => true,
    () => false,
  );
  visitor.destroy();
  if (isServed) throw Object.assign(new Error("in use"), { code: "EADDRINUSE" });
}

function refusalOf(what: string, endpoint: string, cause: unknown): LatentloopError {
  const reason = REASONS[(cause as NodeJS.ErrnoException).code ?? ""] ?? messageOf(cause);
  return new LatentloopError("ERR_ENDPOINT", `Expected an endpoint to ${what} but received '${endpoint}': ${reason}.`, {
    remedy:
      "Give tcp://<address>:<port>, e.g. tcp://127.0.0.1:7447 (images take the port after it), or ipc://<path> of a socket in a folder that exists, e.g. ipc://runs/robot.",
    cause,
  });
}
