import { encodeFrame, prefixOf, type ResponseHeader } from "./frame.ts";

/** The way to other processes, as far as answers need it: a lane's. */
export interface AnswerLane {
  readonly inlet: { subscribe(prefix: string): void; unsubscribe(prefix: string): void };
  readonly outbox: { post(parts: Buffer[]): void };
}

/** Answers that are kept for callers who do not listen yet, and calls whose answer was passed on: the oldest go first. */
const REMEMBERED = 256;

/**
 * Brings answers to the callers in other processes.
 *
 * An answer waits until its caller listens: a call may come before. A caller from elsewhere hears only the main process of
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

  send(caller: string, header: ResponseHeader): void {
    const prefix = prefixOf.caller(caller);
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
  passOn({ call }: ResponseHeader, parts: Buffer[]): void {
    if (this.#passedOn.has(call) || !this.#passesOn(parts[0]!.toString())) return;
    this.#passedOn.add(call);
    if (this.#passedOn.size > REMEMBERED) this.#passedOn.delete(this.#passedOn.values().next().value!);
    this.#lane.outbox.post(parts);
  }

  #passesOn(prefix: string): boolean {
    return this.#family !== undefined && !prefix.startsWith(`!${this.#family}`);
  }
}
