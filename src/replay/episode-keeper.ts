import { LatentloopError } from "../core/errors.ts";
import { type EpisodeEvent, makeEpisodeEvent } from "../messages/index.ts";

export interface StepOutcome {
  readonly reward: number;
  readonly intervention: boolean;
}

export interface EndOutcome extends StepOutcome {
  readonly success: boolean;
  readonly isTerminal: boolean;
}

interface RunningEpisode {
  readonly number: number;
  step: number;
}

/**
 * Numbers episodes and makes their events.
 *
 * An episode gets the lowest number that no finished episode of its session has. So numbers stay without gaps when an
 * episode is discarded and when a session goes on after a crash.
 */
export class EpisodeKeeper {
  readonly #finished: Set<number>;
  #running: RunningEpisode | undefined;
  /** The episode that ended last in this run: the one that can still be taken back. */
  #last: RunningEpisode | undefined;
  #note = "";

  /** @param finished numbers of the session's finished episodes */
  constructor(finished: Iterable<number> = []) {
    this.#finished = new Set(finished);
  }

  /** Number of the episode that runs. */
  get running(): number | undefined {
    return this.#running?.number;
  }

  get finishedCount(): number {
    return this.#finished.size;
  }

  /** The number that the next episode gets. */
  get nextNumber(): number {
    let number = 0;
    while (this.#finished.has(number)) number++;
    return number;
  }

  /** @throws ERR_EPISODE while another one runs */
  begin(stampNs: bigint, task: string): EpisodeEvent {
    if (this.#running !== undefined) throw refusal(`episode ${this.#running.number} has not ended`);
    this.#running = { number: this.nextNumber, step: 0 };
    this.#note = "";
    return makeEpisodeEvent("begin", stampNs, { ...placeOf(this.#running), note: task });
  }

  /** @throws ERR_EPISODE if none runs */
  step(stampNs: bigint, outcome: StepOutcome): EpisodeEvent {
    const running = this.#require("take a step");
    running.step++;
    return makeEpisodeEvent("step", stampNs, { ...placeOf(running), ...outcome, note: this.#takeNote() });
  }

  /** @throws ERR_EPISODE if none runs */
  end(stampNs: bigint, { isTerminal, ...outcome }: EndOutcome): EpisodeEvent {
    const running = this.#require("end");
    running.step++;
    this.#finished.add(running.number);
    this.#last = running;
    this.#running = undefined;
    const note = this.#takeNote();
    return makeEpisodeEvent("end", stampNs, { ...placeOf(running), ...outcome, is_terminal: isTerminal, note });
  }

  /**
   * Takes back the episode that runs, or else the one that ended last in this run; the next one gets its number.
   * @throws ERR_EPISODE if there is neither
   */
  discard(stampNs: bigint): EpisodeEvent {
    const discarded = this.#running ?? this.#last;
    if (discarded === undefined) throw refusal("no episode of this run can be discarded");
    this.#finished.delete(discarded.number);
    this.#running = this.#last = undefined;
    return makeEpisodeEvent("discard", stampNs, { ...placeOf(discarded), note: this.#takeNote() });
  }

  /** Goes with the next event of the episode. @throws ERR_EPISODE if none runs */
  note(text: string): void {
    this.#require("be noted on");
    this.#note = this.#note === "" ? text : `${this.#note}; ${text}`;
  }

  #require(what: string): RunningEpisode {
    if (this.#running === undefined) throw refusal(`no episode runs that could ${what}`);
    return this.#running;
  }

  #takeNote(): string {
    const note = this.#note;
    this.#note = "";
    return note;
  }
}

function placeOf({ number, step }: RunningEpisode): Pick<EpisodeEvent, "episode" | "step"> {
  return { episode: number, step };
}

function refusal(why: string): LatentloopError {
  return new LatentloopError("ERR_EPISODE", `Expected an episode that allows it, but ${why}.`);
}
