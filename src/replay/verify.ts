import { LatentloopError, messageOf } from "../core/errors.ts";
import { deserializeMessage, isRosType } from "../messages/index.ts";
import { isImageType, readBagImage } from "./bag-image.ts";
import { droppedIn } from "./bag-metadata.ts";
import { BagReader } from "./bag-reader.ts";
import { EpisodeTables, tableOf } from "./episode-table.ts";
import { EPISODE_TYPE, type Episode, EpisodeAssembler, isUsable } from "./episodes.ts";
import { headerStampNs } from "./header-stamp.ts";
import type { BagMessage } from "./mcap-file-reader.ts";
import { GAP_FACTOR, type TopicReport, TopicTiming } from "./topic-timing.ts";

/** One thing that is wrong, and where. `error`: data is lost or cannot be trusted; `warning`: worth a look. */
export interface Finding {
  readonly severity: "error" | "warning";
  /** File and byte, or topic, or episode. */
  readonly where: string;
  readonly what: string;
}

export interface BagVerdict {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly topics: readonly TopicReport[];
  readonly episodes: readonly Episode[];
  readonly messages: number;
  readonly images: number;
}

/** Findings of one kind on one topic that are spelled out; the rest are counted. */
const MOST_PER_KIND = 3;
/** A stamp so far behind its receipt is of another clock; so far ahead, too. */
const MAX_DELAY_NS = 10_000_000_000n;
const MAX_LEAD_NS = 5_000_000n;
/** Their header says when they begin to hold, which may be later. */
const SCHEDULED_TYPES = new Set(["latentloop_msgs/msg/Plan", "trajectory_msgs/msg/JointTrajectory"]);

/**
 * Reads a bag to the last byte and says what is wrong where: structure, stamps, order, gaps, images, episodes.
 * @throws ERR_BAG_UNREADABLE if there is no MCAP file at all
 */
export async function verifyBag(path: string): Promise<BagVerdict> {
  const bag = await BagReader.open(path, { scan: true });
  try {
    return await new Verifier(bag).run();
  } finally {
    await bag.close();
  }
}

class Verifier {
  readonly #bag: BagReader;
  readonly #findings: Finding[] = [];
  readonly #counts = new Map<string, number>();
  readonly #timings = new Map<string, TopicTiming>();
  readonly #lastLogNs = new Map<string, bigint>();
  readonly #imageSizes = new Map<string, string>();
  readonly #assembler = new EpisodeAssembler();
  #messages = 0;
  #images = 0;

  constructor(bag: BagReader) {
    this.#bag = bag;
  }

  async run(): Promise<BagVerdict> {
    this.#checkFiles();
    for await (const message of this.#bag.messages()) await this.#check(message);
    this.#checkMetadata();
    const topics = [...this.#timings.values()].map((timing) => timing.report());
    for (const report of topics) this.#checkRates(report);
    const episodes = this.#assembler.all();
    this.#checkEpisodes(episodes);
    if (episodes.some(isUsable)) await this.#checkSamples();
    this.#sayHowManyMore();
    return {
      ok: !this.#findings.some(({ severity }) => severity === "error"),
      findings: this.#findings,
      topics,
      episodes,
      messages: this.#messages,
      images: this.#images,
    };
  }

  #checkFiles(): void {
    for (const { path, damages, hasIndex, channels } of this.#bag.files) {
      for (const { offset, what } of damages) this.#find("error", "damage", `${path}, byte ${offset}`, what);
      if (!hasIndex) this.#find("error", "index", path, "it has no index: it was not closed, or it was cut");
      for (const { topic, channel } of channels.values()) {
        if (channel.messageEncoding !== "cdr") {
          this.#find(
            "error",
            "encoding",
            topic,
            `expected messages in cdr but they are in "${channel.messageEncoding}"`,
          );
        }
      }
    }
  }

  #checkMetadata(): void {
    const { path, customData, statedMessages, metadataTrouble } = this.#bag;
    for (const [topic, count] of droppedIn(customData)) {
      this.#find("warning", "drops", topic, `the recorder dropped ${count} messages`);
    }
    if (metadataTrouble !== undefined) this.#find("warning", "metadata", path, metadataTrouble);
    if (statedMessages !== undefined && statedMessages !== this.#messages) {
      const what = `metadata.yaml says ${statedMessages} messages but ${this.#messages} were found`;
      this.#find("error", "metadata", path, what);
    }
  }

  async #check({ topic, type, data, logTimeNs }: BagMessage): Promise<void> {
    this.#messages++;
    const previous = this.#lastLogNs.get(topic);
    if (previous !== undefined && logTimeNs < previous) {
      this.#find("warning", "order", topic, `received before the message in front of it, at ${seconds(logTimeNs)}`);
    }
    this.#lastLogNs.set(topic, logTimeNs);
    const capturedNs = headerStampNs(type, data);
    if (!SCHEDULED_TYPES.has(type)) this.#checkStamp(topic, logTimeNs, capturedNs);
    let timing = this.#timings.get(topic);
    if (timing === undefined) this.#timings.set(topic, (timing = new TopicTiming(topic, type)));
    timing.add(logTimeNs, capturedNs, data.length);
    try {
      if (isImageType(type)) await this.#checkImage(topic, type, data);
      else if (type === EPISODE_TYPE) this.#assembler.add(deserializeMessage(EPISODE_TYPE, data), logTimeNs);
      else if (isRosType(type)) deserializeMessage(type, data);
    } catch (error) {
      this.#find("error", "content", topic, `at ${seconds(logTimeNs)}: ${messageOf(error)}`);
    }
  }

  #checkStamp(topic: string, logTimeNs: bigint, capturedNs: bigint | undefined): void {
    if (capturedNs === undefined) return;
    if (capturedNs === 0n) {
      this.#find("warning", "stamp", topic, `no capture stamp in the message received at ${seconds(logTimeNs)}`);
    } else if (capturedNs > logTimeNs + MAX_LEAD_NS) {
      const ms = Number(capturedNs - logTimeNs) / 1e6;
      this.#find(
        "warning",
        "stamp",
        topic,
        `captured ${ms.toFixed(1)} ms after it was received, at ${seconds(logTimeNs)}`,
      );
    } else if (logTimeNs - capturedNs > MAX_DELAY_NS) {
      const s = Number(logTimeNs - capturedNs) / 1e9;
      this.#find(
        "warning",
        "stamp",
        topic,
        `captured ${s.toFixed(1)} s before it was received, at ${seconds(logTimeNs)}`,
      );
    }
  }

  async #checkImage(topic: string, type: string, data: Uint8Array): Promise<void> {
    this.#images++;
    const { width, height, encoding } = await readBagImage(topic, type, data);
    const size = `${width}×${height} ${encoding}`;
    const first = this.#imageSizes.get(topic) ?? size;
    this.#imageSizes.set(topic, first);
    if (size !== first) this.#find("error", "size", topic, `an image of ${size} among images of ${first}`);
  }

  #checkRates({ topic, gaps, medianMs, unordered, repeated }: TopicReport): void {
    for (const { afterNs, ms } of gaps) {
      const what = `nothing for ${ms.toFixed(0)} ms after ${seconds(afterNs)}, ${GAP_FACTOR}× its usual ${medianMs.toFixed(1)} ms or more`;
      this.#find("warning", "gap", topic, what);
    }
    if (unordered > 0) this.#find("warning", "unordered", topic, `${unordered} messages are older than the one before`);
    if (repeated > 0)
      this.#find("warning", "repeated", topic, `${repeated} messages repeat the stamp of the one before`);
  }

  #checkEpisodes(episodes: readonly Episode[]): void {
    for (const { severity, stampNs, what } of this.#assembler.troubles) {
      this.#find(severity, "episode", `episodes, at ${seconds(stampNs)}`, what);
    }
    const last = episodes.at(-1);
    if (last?.closed === false && !last.discarded)
      this.#find("warning", "episode", `episode ${last.number}`, "it has no end");
  }

  /** Whether there are images, joint states and actions shortly before every step of an episode. */
  async #checkSamples(): Promise<void> {
    const tables = new EpisodeTables(this.#bag);
    try {
      await tables.advance();
      for (const episode of tables.episodes.filter(isUsable)) {
        const table = tableOf(tables, episode);
        const troubles = "why" in table ? [table.why] : Object.values(table.gaps);
        for (const what of troubles) this.#find("error", "sample", `episode ${episode.number}`, what);
      }
    } catch (error) {
      // Not every recording is for a replay, and messages that do not read are named already.
      if (!(error instanceof LatentloopError)) throw error;
    }
  }

  #find(severity: Finding["severity"], kind: string, where: string, what: string): void {
    const key = `${kind} ${kind === "damage" ? "" : where}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (count <= MOST_PER_KIND) this.#findings.push({ severity, where, what });
  }

  #sayHowManyMore(): void {
    for (const [key, count] of this.#counts) {
      if (count <= MOST_PER_KIND) continue;
      const [kind = "", ...where] = key.split(" ");
      const what = `${count - MOST_PER_KIND} more of the kind "${kind}"`;
      this.#findings.push({ severity: "warning", where: where.join(" ") || this.#bag.path, what });
    }
  }
}

function seconds(ns: bigint): string {
  return `${(Number(ns) / 1e9).toFixed(3)} s`;
}
