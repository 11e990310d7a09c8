import { LatentloopError } from "../../core/errors.ts";
import type { Diagnosis } from "../../core/node.ts";
import { type BridgeLosses, type HostKeys, type PeerAddress, peerAddress } from "../../transport/index.ts";
import type { Launch } from "./launch-description.ts";

/** Where a peer of a launch file is found, and by which key it is known. @throws ERR_KEYS if this host has keys but not the peer's */
export function addressOf(peer: Launch["peers"][number], keys: HostKeys | undefined): PeerAddress {
  if (typeof peer === "string") return peerAddress(peer);
  const { host, endpoint } = peer;
  const serverKey = keys?.peers[host];
  if (serverKey !== undefined) return peerAddress(endpoint, serverKey);
  const known = keys === undefined ? "there is no file of keys" : `it knows ${Object.keys(keys.peers).join(", ")}`;
  throw new LatentloopError("ERR_KEYS", `Expected the public key of '${host}' in this host's keys but ${known}.`, {
    remedy: "Make the keys of all hosts in one go: latentloop keys make <folder> <host> <host>…",
  });
}

/** What `/diagnostics` says of a process's bridge to others. */
export function diagnoseLosses({ dropped, missed, refused, strangers }: BridgeLosses): Diagnosis {
  const values = { dropped, missed, refused, strangers };
  if (strangers > 0) return { level: "warn", message: "peers without the right keys were refused", values };
  if (refused > 0) return { level: "warn", message: "frames were refused", values };
  return { level: "ok", message: "joined to other processes", values };
}
