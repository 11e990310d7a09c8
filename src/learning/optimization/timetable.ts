import { z } from "zod";

/** Where a run of several turns stands, besides its tensors and episodes. */
export const Position = z.strictObject({
  turn: z.int(),
  /** Episodes or updates of this turn. */
  done: z.int(),
  updates: z.int(),
  elapsedS: z.number(),
  /** Elapsed time when this turn began. */
  turnBeganS: z.number(),
  collectingS: z.number(),
});
export type Position = Readonly<z.infer<typeof Position>>;

/** Where a run begins. */
export const BEGINNING: Position = { turn: 0, done: 0, updates: 0, elapsedS: 0, turnBeganS: 0, collectingS: 0 };

/** What a slice of a run did. */
export interface Work {
  readonly done: number;
  readonly figures: Readonly<Record<string, number>>;
}

/** One stretch of a run: episodes, or updates of one kind. */
export interface TimedTurn {
  readonly count: number;
  /** What one of them costs beside those of other turns; only ratios matter. */
  readonly cost: number;
  /** Episodes are collected as many as they are, whatever time that takes; updates share what is left of it. */
  readonly collects: boolean;
}

/** Says how far a run has come: by its counts, or when it has a time budget by the clock. */
export class Timetable {
  readonly #turns: readonly TimedTurn[];
  readonly #seconds: number | undefined;

  constructor(turns: readonly TimedTurn[], seconds: number | undefined) {
    this.#turns = turns;
    this.#seconds = seconds;
  }

  /** Share of the present turn that is done. */
  share(position: Position): number {
    const turn = this.#turns[position.turn];
    if (turn === undefined) return 1;
    if (turn.collects || this.#seconds === undefined) return position.done / turn.count;
    return (position.elapsedS - position.turnBeganS) / this.#turnSeconds(position);
  }

  updatesLeft({ turn, done }: Position): number {
    const current = this.#turns[turn];
    const unlimited = this.#seconds !== undefined || current === undefined || current.collects;
    return unlimited ? Number.POSITIVE_INFINITY : current.count - done;
  }

  /** Share of the whole run that is done. */
  progress(position: Position): number {
    if (position.turn >= this.#turns.length) return 1;
    if (this.#seconds !== undefined) return Math.min(1, position.elapsedS / this.#seconds);
    const before = sum(this.#turns.slice(0, position.turn).map(costOf));
    const present = this.share(position) * costOf(this.#turns[position.turn]!);
    return (before + present) / sum(this.#turns.map(costOf));
  }

  /** The present training turn's part of what is left of the budget, when later turns have collected their episodes. */
  #turnSeconds({ turn, turnBeganS, collectingS }: Position): number {
    const later = this.#turns.slice(turn);
    const collected = sum(this.#turns.slice(0, turn).map(episodesOf));
    const toCollect = sum(later.map(episodesOf));
    const secondsPerEpisode = collectingS / Math.max(1, collected);
    const left = this.#seconds! - turnBeganS - toCollect * secondsPerEpisode;
    const part = costOf(this.#turns[turn]!) / sum(later.filter(({ collects }) => !collects).map(costOf));
    return Math.max(1e-3, left * part);
  }
}

function costOf({ count, cost }: TimedTurn): number {
  return cost * count;
}

function episodesOf({ count, collects }: TimedTurn): number {
  return collects ? count : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
