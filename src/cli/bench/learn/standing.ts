import type { CurvePoint } from "../../../learning/run/curve.ts";
import { FINAL_PHASE } from "../../../learning/run/training-run.ts";
import { median } from "../../../math/median.ts";
import type { LearningContest } from "./contests.ts";

/** How far one seed has come. */
export interface SeedStanding {
  readonly seed: number;
  readonly environmentSteps: number;
  readonly updates: number;
  readonly processorHours: number;
  /** Whether its last evaluation is done. */
  readonly finished: boolean;
  /** Mean return: of the last evaluation's episodes, of the best round so far, or undefined before any round. */
  readonly meanReturn: number | undefined;
  /** Episodes of the last evaluation, and how many of them stayed below half of the published return. */
  readonly episodes: number;
  readonly failures: number;
  /** The first evaluation that reached the published return. */
  readonly reachedAt: number | undefined;
}

/** What the seeds of a contest have reached so far. */
export interface ContestStanding extends LearningContest {
  readonly seeds: readonly SeedStanding[];
  /** Of the finished seeds. */
  readonly median: number | undefined;
}

export function standingOf(
  contest: LearningContest,
  curves: ReadonlyMap<number, readonly CurvePoint[]>,
): ContestStanding {
  const seeds = [...curves].map(([seed, curve]) => seedStanding(seed, curve, contest.published.meanReturn));
  const finished = seeds.flatMap(({ finished, meanReturn }) => (finished ? [meanReturn!] : []));
  return { ...contest, seeds, median: finished.length > 0 ? median(finished) : undefined };
}

function seedStanding(seed: number, curve: readonly CurvePoint[], published: number): SeedStanding {
  const last = curve.at(-1);
  const rounds = curve.filter(({ phase }) => phase === "evaluate");
  const returns = curve.flatMap(({ phase, figures }) => (phase === FINAL_PHASE ? [figures.return!] : []));
  const best = rounds.reduce<number | undefined>(
    (most, { figures }) => Math.max(most ?? Number.NEGATIVE_INFINITY, figures.meanReturn!),
    undefined,
  );
  const finished = returns.length > 0;
  return {
    seed,
    environmentSteps: last?.environmentSteps ?? 0,
    updates: last?.updates ?? 0,
    processorHours: (last?.processorS ?? 0) / 3600,
    finished,
    meanReturn: finished ? returns.reduce((sum, value) => sum + value, 0) / returns.length : best,
    episodes: returns.length,
    failures: returns.filter((value) => value < published / 2).length,
    reachedAt: rounds.find(({ figures }) => figures.meanReturn! >= published)?.environmentSteps,
  };
}

const HEADING = [
  "task, senses",
  "system",
  "seeds",
  "thousand steps",
  "processor hours",
  "return by seed",
  "median",
  "failed episodes",
  "published",
];

/** Rows for people; a return in brackets is the best round's of a run that has not come to its end. */
export function tableOf(standings: readonly ContestStanding[]): string[][] {
  return [HEADING, ...standings.map(rowOf)];
}

function rowOf({ algorithm, task, observation, steps, seeds, median, published }: ContestStanding): string[] {
  const bySeed = (show: (seed: SeedStanding) => string) => seeds.map(show).join(" ") || "–";
  const thousand = (count: number) => `${Math.round(count / 1000)}`;
  const episodes = seeds.reduce((sum, seed) => sum + seed.episodes, 0);
  const failures = seeds.reduce((sum, seed) => sum + seed.failures, 0);
  return [
    `${task}, ${observation}`,
    algorithm,
    bySeed(({ seed }) => `${seed}`),
    `${bySeed(({ environmentSteps }) => thousand(environmentSteps))} of ${thousand(steps)}`,
    bySeed(({ processorHours }) => processorHours.toFixed(2)),
    bySeed(({ meanReturn, finished }) => {
      const shown = meanReturn === undefined ? "–" : meanReturn.toFixed(0);
      return finished ? shown : `(${shown})`;
    }),
    median === undefined ? "–" : median.toFixed(0),
    episodes === 0 ? "–" : `${failures} of ${episodes}`,
    `${published.meanReturn} at ${thousand(published.steps)} k`,
  ];
}
