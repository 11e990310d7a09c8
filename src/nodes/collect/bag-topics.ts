import { DEFAULT_QOS, type Qos } from "../../core/node.ts";
import { borrowSerialized, type RosMessages, type RosType } from "../../messages/index.ts";
import type { RecordedTopic, Recording } from "../../replay/recording.ts";

/** Writes messages straight into a recording, as a recorder does that hears them without delay. */
export class BagTopics {
  readonly #recording: Recording;
  readonly #topics = new Map<string, RecordedTopic>();
  readonly counts = new Map<string, number>();

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** @param topic full name */
  write<T extends RosType>(
    topic: string,
    type: T,
    message: RosMessages[T],
    stampNs: bigint,
    qos: Qos = DEFAULT_QOS,
  ): void {
    let target = this.#topics.get(topic);
    if (target === undefined) this.#topics.set(topic, (target = this.#recording.addTopic(topic, type, qos)));
    target.write(borrowSerialized(type, message), stampNs, stampNs);
    this.counts.set(topic, (this.counts.get(topic) ?? 0) + 1);
  }

  get dropped(): number {
    return this.#recording.topics.reduce((sum, { dropped }) => sum + dropped, 0);
  }
}
