import type { Turn } from "./recipe.ts";
import type { KeypointPosition } from "./state.ts";

/** What an episode or an update costs beside the others; only ratios matter. Units: ms on one slow core */
const COST_MS = { collect: 60, representation: 14, dynamics: 4.5, decoder: 12 };

/** Says how far a run has come: by its counts, or when it has a time budget by the clock. */
export class KeypointTimetable {
  readonly #turns: readonly Turn[];
  readonly #seconds: number | undefined;

  constructor(turns: readonly Turn[], seconds: number | undefined) {
    this.#turns = turns;
    this.#seconds = seconds;
  }

  /** Share of the present turn that is done. */
  share(position: KeypointPosition): number {
    const turn = this.#turns[position.turn];
    if (turn === undefined) return 1;
    if (turn.kind === "collect") return position.done / turn.episodes;
    if (this.#seconds === undefined) return position.done / turn.updates;
    return (position.elapsedS - position.turnBeganS) / this.#turnSeconds(position);
  }

  updatesLeft({ turn, done }: KeypointPosition): number {
    const current = this.#turns[turn];
    const unlimited = this.#seconds !== undefined || current === undefined || current.kind === "collect";
    return unlimited ? Number.POSITIVE_INFINITY : current.updates - done;
  }

  /** Share of the whole run that is done. */
  progress(position: KeypointPosition): number {
    if (position.turn >= this.#turns.length) return 1;
    if (this.#seconds !== undefined) return Math.min(1, position.elapsedS / this.#seconds);
    const total = sum(this.#turns.map(costOf));
    const before = sum(this.#turns.slice(0, position.turn).map(costOf));
    return (before + this.share(position) * costOf(this.#turns[position.turn]!)) / total;
  }

  /** The present training turn's part of what is left of the budget, when later turns have collected their episodes. */
  #turnSeconds({ turn, turnBeganS, collectingS }: KeypointPosition): number {
    const later = this.#turns.slice(turn);
    const collected = sum(this.#turns.slice(0, turn).map(episodesOf));
    const toCollect = sum(later.map(episodesOf));
    const secondsPerEpisode = collectingS / Math.max(1, collected);
    const left = this.#seconds! - turnBeganS - toCollect * secondsPerEpisode;
    const training = later.filter(({ kind }) => kind !== "collect");
    const part = costOf(this.#turns[turn]!) / sum(training.map(costOf));
    return Math.max(1e-3, left * part);
  }
}

function costOf(turn: Turn): number {
  return COST_MS[turn.kind] * (turn.kind === "collect" ? turn.episodes : turn.updates);
}

function episodesOf(turn: Turn): number {
  return turn.kind === "collect" ? turn.episodes : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
