import { borrowRawImage, deserializeMessage } from "../../messages/index.ts";
import type { BagReader } from "../../replay/bag-reader.ts";
import type { BagMessage } from "../../replay/mcap-file-reader.ts";
import { checksumOf } from "./checksum.ts";

/** An image of a bag, and the CRC-32 of its bytes. */
export interface FoundImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  readonly checksum: number;
}

/** Images that stay at hand: a belief may be made from some seconds of them. */
const KEPT = 1024;
/** An image may be written so much later than the step that used it. */
const BEHIND_NS = 2_000_000_000n;

/** The model images of a bag by camera and stamp, asked for in the order of time: the bag is read once. */
export class ImageFinder {
  readonly #messages: AsyncIterator<BagMessage>;
  readonly #topicOf: (topic: string) => string | undefined;
  readonly #kept = new Map<string, FoundImage[]>();
  #readUntilNs = 0n;
  #ended = false;

  constructor(bag: BagReader, cameras: ReadonlySet<string>) {
    const topics = bag.topics.filter(({ topic }) => cameraOf(topic) !== undefined && cameras.has(cameraOf(topic)!));
    const filter = { topics: new Set(topics.map(({ topic }) => topic)), types: new Set([IMAGE]) };
    this.#messages = bag.messagesInTime(filter)[Symbol.asyncIterator]();
    this.#topicOf = cameraOf;
  }

  /** The image with these bytes if there is one, else one of the same stamp. @param usedNs when it had been used, at the latest */
  async find(camera: string, stampNs: bigint, checksum: number, usedNs: bigint): Promise<FoundImage | undefined> {
    const key = `${camera} ${stampNs}`;
    const isThere = () => this.#kept.get(key)?.some((image) => image.checksum === checksum) ?? false;
    while (!isThere() && !this.#ended && this.#readUntilNs <= usedNs + BEHIND_NS) await this.#readOne();
    const found = this.#kept.get(key) ?? [];
    return found.find((image) => image.checksum === checksum) ?? found[0];
  }

  async #readOne(): Promise<void> {
    const { value, done } = await this.#messages.next();
    if (done) {
      this.#ended = true;
      return;
    }
    const { topic, data: cdr, logTimeNs } = value as BagMessage;
    this.#readUntilNs = logTimeNs;
    const { width, height, data, stampNs } = borrowRawImage(deserializeMessage(IMAGE, cdr));
    const key = `${this.#topicOf(topic)} ${stampNs}`;
    const bytes = data.slice();
    const others = this.#kept.get(key) ?? [];
    this.#kept.set(key, [...others, { width, height, data: bytes, checksum: checksumOf(bytes) }]);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT) this.#kept.delete(oldest!);
  }
}

const IMAGE = "sensor_msgs/msg/Image";

/** "scene" of "/lab/scene/image_model". */
function cameraOf(topic: string): string | undefined {
  return /(?:^|\/)([^/]+)\/image_model$/.exec(topic)?.[1];
}
