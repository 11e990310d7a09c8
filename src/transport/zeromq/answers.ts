import { encodeFrame } from "./frame.ts";
import type { AnswerHeader } from "./remote-calls.ts";

/** The way to other processes, as far as answers need it: a lane's. */
export interface AnswerLane {
  readonly inlet: { subscribe(prefix: string): void; unsubscribe(prefix: string): void };
  readonly outbox: { post(parts: Buffer[]): void };
}

/** Answers that are kept for processes that do not listen yet, and those that were passed on: the oldest go first. */
const REMEMBERED = 256;

/**
 * Brings what is for one process to it: answers to calls, and what has to be known before a call is served.
 *
 * An answer waits until its process listens: a call may come before. A caller from elsewhere hears only the main process of
 * a launch, which passes on what the others of the family answer.
 */
export class Answers {
  readonly #lane: AnswerLane;
  readonly #family: string | undefined;
  readonly #listening = new Set<string>();
  readonly #waiting: { readonly prefix: string; readonly frame: Buffer[] }[] = [];
  readonly #passedOn = new Set<string>();

  /** @param family what the ids of all processes of our launch begin with, if this one passes on their answers */
  constructor(lane: AnswerLane, family: string | undefined) {
    this.#lane = lane;
    this.#family = family;
  }

  /** @param prefix the one that a single process listens for */
  send(prefix: string, header: AnswerHeader): void {
    const frame = encodeFrame(prefix, header);
    if (this.#listening.has(prefix)) this.#lane.outbox.post(frame);
    else this.#waiting.push({ prefix, frame });
    if (this.#waiting.length > REMEMBERED) this.#waiting.shift();
  }

  /** Somebody listens for what begins so. */
  onWanted(prefix: string): void {
    if (!prefix.startsWith("!") || this.#listening.has(prefix)) return;
    this.#listening.add(prefix);
    for (const answer of this.#waiting.filter((waiting) => waiting.prefix === prefix)) {
      this.#waiting.splice(this.#waiting.indexOf(answer), 1);
      this.#lane.outbox.post(answer.frame);
    }
    if (this.#passesOn(prefix)) this.#lane.inlet.subscribe(prefix);
  }

  onUnwanted(prefix: string): void {
    if (this.#listening.delete(prefix) && this.#passesOn(prefix)) this.#lane.inlet.unsubscribe(prefix);
  }

  /** An answer for somebody else; each is passed on once, also when two launches hear each other. */
  passOn({ kind, call }: AnswerHeader, parts: Buffer[]): void {
    const answer = `${kind} ${call}`;
    if (this.#passedOn.has(answer) || !this.#passesOn(parts[0]!.toString())) return;
    this.#passedOn.add(answer);
    if (this.#passedOn.size > REMEMBERED) this.#passedOn.delete(this.#passedOn.values().next().value!);
    this.#lane.outbox.post(parts);
  }

  #passesOn(prefix: string): boolean {
    return this.#family !== undefined && !prefix.startsWith(`!${this.#family}`);
  }
}
