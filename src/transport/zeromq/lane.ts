import type { RosType } from "../../messages/index.ts";
import { bindAt } from "./endpoint.ts";
import { Inlet, type InletOptions } from "./inlet.ts";
import { Outbox } from "./outbox.ts";
import { openPublisher, watchHandshakes, type XPublisher } from "./sockets.ts";

/**
 * Two ways lead from each process to each other, so that no plan or service call waits behind images: `frames` carries
 * images and holds few of them, because an old image is worth nothing; `events` carries everything else and holds many.
 */
export const LANES = ["events", "frames"] as const;
export type LaneName = (typeof LANES)[number];

/** Where a process is found, by lane, and the public key that it answers with if it encrypts. */
export interface PeerAddress extends Readonly<Record<LaneName, string>> {
  readonly serverKey?: string;
}

/** Messages that may wait on each side of a connection. */
const QUEUE: Readonly<Record<LaneName, number>> = { events: 512, frames: 4 };

const FRAMES: ReadonlySet<RosType> = new Set<RosType>(["sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"]);

export function laneOf(type: RosType): LaneName {
  return FRAMES.has(type) ? "frames" : "events";
}

/** The address behind one endpoint that a person wrote: frames take the next port, or the path with "-frames" behind it. */
export function peerAddress(events: string, serverKey?: string): PeerAddress {
  const key = serverKey === undefined ? {} : { serverKey };
  const tcp = /^(tcp:\/\/.*:)(\d+)$/.exec(events);
  if (tcp === null) return { events, frames: `${events}-frames`, ...key };
  const port = Number(tcp[2]);
  return { events, frames: port === 0 ? events : `${tcp[1]}${port + 1}`, ...key };
}

export interface Lane {
  readonly publisher: XPublisher;
  readonly inlet: Inlet;
  readonly outbox: Outbox;
}

export interface LaneOptions extends Omit<InletOptions, "queue"> {
  readonly bind: string;
  /** Domain of the authenticator that says who may subscribe; undefined lets everybody. */
  readonly domain: string | undefined;
}

/** @throws ERR_ENDPOINT */
export async function openLane(name: LaneName, { bind, domain, ...options }: LaneOptions): Promise<Lane> {
  const queue = QUEUE[name];
  const { keys, onRefused } = options;
  const publisher = openPublisher(queue, keys && domain !== undefined ? { own: keys, domain } : undefined);
  watchHandshakes(publisher, "ours", onRefused);
  await bindAt(publisher, bind).catch((thrown) => {
    publisher.close();
    throw thrown;
  });
  return { publisher, inlet: new Inlet({ queue, ...options }), outbox: new Outbox(publisher, queue) };
}

export async function closeLane({ publisher, inlet, outbox }: Lane): Promise<void> {
  inlet.close();
  await outbox.flush();
  publisher.close();
}
