import { deserializeMessage, EPISODE_KIND, type EpisodeEvent, nsFromTime } from "../messages/index.ts";
import type { BagReader } from "./bag-reader.ts";

export const EPISODE_TYPE = "latentloop_msgs/msg/EpisodeEvent";

/** What an event said. Units: nanoseconds, ROS clock. */
export interface EpisodeStep {
  readonly stampNs: bigint;
  /** For arriving here; 0 at the begin, NaN where nobody scored it. */
  readonly reward: number;
  readonly isTerminal: boolean;
  /** Whether a human drove in the step that led here. */
  readonly intervention: boolean;
}

export interface Episode {
  readonly number: number;
  /** What was asked for: the note of its begin. */
  readonly task: string;
  /** The begin, then every step, the end among them. */
  readonly steps: readonly EpisodeStep[];
  readonly success: boolean;
  /** Whether its end was recorded. */
  readonly closed: boolean;
  /** It was taken back: the episode of its number is another one. */
  readonly discarded: boolean;
  /** Notes of its steps and its end. */
  readonly notes: readonly string[];
  /** Receive stamps of its first and last event, for finding its messages. */
  readonly firstLogNs: bigint;
  readonly lastLogNs: bigint;
}

/** Steps under human control. Both ends included. */
export interface InterventionSpan {
  readonly from: number;
  readonly to: number;
}

export interface EpisodeTrouble {
  /** `warning`: nothing is lost that was there to be recorded. */
  readonly severity: "error" | "warning";
  readonly stampNs: bigint;
  readonly what: string;
}

interface OpenEpisode {
  readonly number: number;
  readonly task: string;
  readonly steps: EpisodeStep[];
  readonly notes: string[];
  readonly firstLogNs: bigint;
  lastLogNs: bigint;
  success: boolean;
}

/** Makes episodes out of events as they come. */
export class EpisodeAssembler {
  readonly episodes: Episode[] = [];
  readonly troubles: EpisodeTrouble[] = [];
  #open: OpenEpisode | undefined;
  /** The episode that was going on when the recording began, and its newest step. */
  #cut: { readonly number: number; step: number } | undefined;
  #events = 0;

  add(event: EpisodeEvent, logTimeNs: bigint): void {
    const stampNs = nsFromTime(event.header.stamp);
    const isFirst = this.#events++ === 0;
    const step = { stampNs, reward: event.reward, isTerminal: event.is_terminal, intervention: event.intervention };
    if (event.kind === EPISODE_KIND.begin) {
      this.#begin(event, step, logTimeNs);
      return;
    }
    if (isFirst) this.#beginCut(event, stampNs);
    if (this.#cut?.number === event.episode) {
      this.#continueCut(this.#cut, event, stampNs);
      return;
    }
    if (event.kind === EPISODE_KIND.discard) {
      this.#discard(event, stampNs, logTimeNs);
      return;
    }
    const open = this.#open;
    if (open === undefined || open.number !== event.episode) {
      this.#complain(stampNs, `episode ${event.episode}: an event without a begin`);
      return;
    }
    if (event.step !== open.steps.length) {
      this.#complain(stampNs, `episode ${event.episode}: step ${event.step} follows ${open.steps.length - 1}`);
    }
    open.steps.push(step);
    open.lastLogNs = logTimeNs;
    open.success = event.success;
    if (event.note !== "") open.notes.push(event.note);
    if (event.kind === EPISODE_KIND.end) this.#end(true);
  }

  /** Everything so far, with the episode that has no end, if any, as not closed. */
  all(): Episode[] {
    return this.#open === undefined
      ? [...this.episodes]
      : [...this.episodes, { ...this.#open, closed: false, discarded: false }];
  }

  #beginCut({ episode: number, step }: EpisodeEvent, stampNs: bigint): void {
    this.#cut = { number, step: step - 1 };
    const what = `episode ${number}: it had begun before the recording, of which the first event is step ${step}; it counts as cut`;
    this.troubles.push({ severity: "warning", stampNs, what });
  }

  /** What is left of it is no episode, but must hang together. */
  #continueCut(cut: { readonly number: number; step: number }, { kind, step }: EpisodeEvent, stampNs: bigint): void {
    if (kind === EPISODE_KIND.discard) {
      this.#cut = undefined;
      return;
    }
    if (step !== cut.step + 1) this.#complain(stampNs, `episode ${cut.number}: step ${step} follows ${cut.step}`);
    cut.step = step;
    if (kind === EPISODE_KIND.end) this.#cut = undefined;
  }

  #begin(event: EpisodeEvent, step: EpisodeStep, logTimeNs: bigint): void {
    if (this.#cut !== undefined) {
      this.#complain(step.stampNs, `episode ${this.#cut.number}: it has no end`);
      this.#cut = undefined;
    }
    if (this.#open !== undefined) {
      this.#complain(step.stampNs, `episode ${this.#open.number}: it has no end`);
      this.#end(false);
    }
    if (this.episodes.some((episode) => episode.number === event.episode && isKept(episode))) {
      this.#complain(step.stampNs, `episode ${event.episode}: its number is used twice`);
    }
    const previous = this.episodes.at(-1);
    if (previous !== undefined && event.episode > previous.number + 1) {
      this.#complain(step.stampNs, `episode ${event.episode} follows ${previous.number}: numbers are missing`);
    }
    this.#open = {
      number: event.episode,
      task: event.note,
      steps: [step],
      notes: [],
      firstLogNs: logTimeNs,
      lastLogNs: logTimeNs,
      success: false,
    };
  }

  #discard({ episode: number, note }: EpisodeEvent, stampNs: bigint, logTimeNs: bigint): void {
    if (this.#open?.number === number) {
      this.#open.lastLogNs = logTimeNs;
      if (note !== "") this.#open.notes.push(note);
      this.#end(false, true);
      return;
    }
    const index = this.episodes.findLastIndex((episode) => episode.number === number && isKept(episode));
    if (index < 0) this.#complain(stampNs, `episode ${number}: it is discarded but was not recorded`);
    else this.episodes[index] = { ...this.episodes[index]!, discarded: true };
  }

  #end(closed: boolean, discarded = false): void {
    if (this.#open !== undefined) this.episodes.push({ ...this.#open, closed, discarded });
    this.#open = undefined;
  }

  #complain(stampNs: bigint, what: string): void {
    this.troubles.push({ severity: "error", stampNs, what });
  }
}

/** Whether it counts: it was recorded to its end and not taken back. */
export function isKept({ closed, discarded }: Pick<Episode, "closed" | "discarded">): boolean {
  return closed && !discarded;
}

/** Whether it counts and has a step to learn from. */
export function isUsable(episode: Episode): boolean {
  return isKept(episode) && episode.steps.length > 1;
}

/** The episodes of a bag in order, and what is wrong with their events. */
export async function readEpisodes(bag: BagReader): Promise<{ episodes: Episode[]; troubles: EpisodeTrouble[] }> {
  const assembler = new EpisodeAssembler();
  for await (const { data, logTimeNs } of bag.messages({ types: new Set([EPISODE_TYPE]) })) {
    assembler.add(deserializeMessage(EPISODE_TYPE, data), logTimeNs);
  }
  return { episodes: assembler.all(), troubles: assembler.troubles };
}

export function interventionSpans({ steps }: Episode): InterventionSpan[] {
  const spans: InterventionSpan[] = [];
  steps.forEach(({ intervention }, i) => {
    if (!intervention) return;
    const last = spans.at(-1);
    if (last !== undefined && last.to === i - 1) spans[spans.length - 1] = { ...last, to: i };
    else spans.push({ from: i, to: i });
  });
  return spans;
}

/** Sum of the rewards that there are. */
export function returnOf({ steps }: Episode): number {
  return steps.reduce((sum, { reward }) => (Number.isNaN(reward) ? sum : sum + reward), 0);
}
