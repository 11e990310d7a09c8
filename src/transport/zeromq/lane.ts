import type { RosType } from "../../messages/index.ts";
import { Outbox } from "./outbox.ts";
import { openPublisher, openSubscriber, type Subscriber, type XPublisher } from "./sockets.ts";

/**
 * Two ways lead from each process to each other, so that no plan or service call waits behind images: `frames` carries
 * images and holds few of them, because an old image is worth nothing; `events` carries everything else and holds many.
 */
export const LANES = ["events", "frames"] as const;
export type LaneName = (typeof LANES)[number];

/** Where a process is found, by lane. */
export type PeerAddress = Readonly<Record<LaneName, string>>;

/** Messages that may wait on each side of a connection. */
const QUEUE: Readonly<Record<LaneName, number>> = { events: 512, frames: 4 };

const FRAMES: ReadonlySet<RosType> = new Set<RosType>(["sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"]);

export function laneOf(type: RosType): LaneName {
  return FRAMES.has(type) ? "frames" : "events";
}

/** The address behind one endpoint that a person wrote: frames take the next port, or the path with "-frames" behind it. */
export function peerAddress(events: string): PeerAddress {
  const tcp = /^(tcp:\/\/.*:)(\d+)$/.exec(events);
  if (tcp === null) return { events, frames: `${events}-frames` };
  const port = Number(tcp[2]);
  return { events, frames: port === 0 ? events : `${tcp[1]}${port + 1}` };
}

export interface Lane {
  readonly publisher: XPublisher;
  readonly subscriber: Subscriber;
  readonly outbox: Outbox;
}

export async function openLane(name: LaneName, bind: string): Promise<Lane> {
  const publisher = openPublisher(QUEUE[name]);
  await publisher.bind(bind);
  return { publisher, subscriber: openSubscriber(QUEUE[name]), outbox: new Outbox(publisher, QUEUE[name]) };
}

export async function closeLane({ publisher, subscriber, outbox }: Lane): Promise<void> {
  subscriber.close();
  await outbox.flush();
  publisher.close();
}
