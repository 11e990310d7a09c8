import { LatentloopError } from "../../core/errors.ts";

const LOOPBACK = /^tcp:\/\/(localhost|127(\.\d+){3}|\[::1\]):/;

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
