import type { BagReader } from "./bag-reader.ts";
import { type Episode, readEpisodes } from "./episodes.ts";
import { headerStampNs } from "./header-stamp.ts";
import { TopicTiming } from "./topic-timing.ts";

export interface BagContent {
  readonly timings: readonly TopicTiming[];
  readonly episodes: readonly Episode[];
  /** Receive stamps. Units: nanoseconds, ROS clock. */
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** The timing of every topic and the episodes, by reading all messages once. */
export async function readContent(bag: BagReader): Promise<BagContent> {
  const timings = new Map(bag.topics.map(({ topic, type }) => [topic, new TopicTiming(topic, type)]));
  let startNs: bigint | undefined;
  let endNs = 0n;
  for await (const { topic, type, data, logTimeNs } of bag.messages()) {
    timings.get(topic)?.add(logTimeNs, headerStampNs(type, data), data.length);
    if (startNs === undefined || logTimeNs < startNs) startNs = logTimeNs;
    if (logTimeNs > endNs) endNs = logTimeNs;
  }
  const { episodes } = await readEpisodes(bag);
  return { timings: [...timings.values()], episodes, startNs: startNs ?? 0n, endNs };
}
